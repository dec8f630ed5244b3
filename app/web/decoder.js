import { asking } from "./ask.js";
import { pack } from "./latents.js";
import { LIMITS } from "./limits.js";
import { cut } from "./sheet.js";

const CHUNK_MS = 250; // that a request is to take: pictures come as a stream, and the one that is overtaken is short
const FIRST_CHUNK = 3; // before it is known how long one takes

const paces = new Map(); // model name -> milliseconds for each picture

/**
 * What decodes latents for a widget, whose server has the function `decode`. `decode(model, latents, options)` resolves
 * to `{ pictures }`, one for each latent; to `{ error }`, with a sentence; or to `{}` once it is not wanted any more.
 *
 * Options: `order`, in which to decode, as positions; `isWanted`, asked after each chunk; `onPictures(rows, pictures)`,
 * told of each chunk, with the positions of its latents. Whoever asked closes the pictures.
 */
export function decoder(server) {
  const ask = asking(server);

  async function decodeChunk(model, latents) {
    const begun = performance.now();
    const answer = await ask("decode", model.name, pack(latents, model));
    if (answer.error) return answer;
    const pace = (performance.now() - begun) / latents.length;
    paces.set(model.name, (pace + (paces.get(model.name) ?? pace)) / 2);
    try {
      return { pictures: await cut(answer) };
    } catch (error) {
      console.error(error);
      return { error: "These pictures did not arrive whole. Try again." };
    }
  }

  async function decode(model, latents, { order = [...latents.keys()], isWanted = () => true, onPictures } = {}) {
    const pictures = [];
    for (let done = 0; done < order.length; ) {
      const rows = order.slice(done, done + chunkSize(model));
      const chunk = await decodeChunk(
        model,
        rows.map((row) => latents[row]),
      );
      if (!isWanted()) {
        for (const picture of chunk.pictures ?? []) picture.close();
        return {};
      }
      if (chunk.error) return chunk;
      rows.forEach((row, k) => {
        pictures[row] = chunk.pictures[k];
      });
      onPictures?.(rows, chunk.pictures);
      done += rows.length;
    }
    return { pictures };
  }

  return { decode };
}

function chunkSize({ name }) {
  const pace = paces.get(name);
  if (!pace) return FIRST_CHUNK;
  return Math.min(LIMITS.maxLatents, Math.max(1, Math.round(CHUNK_MS / pace)));
}
