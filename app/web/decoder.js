import { asking } from "./ask.js";
import { codecOf, dropCodec, fetchCodec } from "./browser_codecs.js";
import { asSent, pack } from "./latents.js";
import { LIMITS } from "./limits.js";
import { cut } from "./sheet.js";
import { showDrawer } from "./who_draws.js";

const CHUNK_MS = 250; // that a request is to take: pictures come as a stream, and the one that is overtaken is short
const FIRST_CHUNK = 3; // before it is known how long one takes
const CANNOT = "This browser cannot draw the pictures of this page. Reload it, or open it in another browser.";

const paces = new Map(); // model name -> milliseconds that the server and the network take for each picture
let latest = null; // name of the model that was decoded last

/**
 * What decodes latents for a widget, whose server has the function `decode`. `decode(model, latents, options)` resolves
 * to `{ pictures }`, one for each latent; to `{ error }`, with a sentence; or to `{}` once it is not wanted any more.
 *
 * The server draws at first. Once this browser has the model's decoder too, and is faster, it draws by itself, the same
 * pictures; if it cannot any more, the server goes on. A page without a server says so by null for `server.decode`: its
 * browser draws everything.
 *
 * Options: `order`, in which to decode, as positions; `isWanted`, asked after each chunk; `onPictures(rows, pictures)`,
 * told of each chunk, with the positions of its latents. Whoever asked closes the pictures.
 *
 * `drawsHere(model)` is whether this browser draws, and `isAlone` whether nobody else can. While it does not draw,
 * `askFor(model, question, ...values)` gets pictures that the server knows by something shorter than latents.
 */
export function decoder(server) {
  const ask = asking(server);
  const isAlone = server.decode === null;
  const drawer = (model) => (isAlone ? codecOf(model) : fasterCodec(model));

  async function decodeChunk(model, latents, isWanted) {
    latest = model.name;
    const codec = isAlone ? await fetchCodec(model, { isUrgent: true }) : drawer(model);
    const chunk = codec && (await decodeHere(codec, model, latents, isWanted));
    if (!chunk && isAlone) return { error: CANNOT };
    showWhoDraws(model);
    return chunk ?? (await askFor(model, "decode", pack(latents, model)));
  }

  async function askFor(model, question, ...values) {
    const begun = performance.now();
    const answer = await ask(question, model.name, ...values);
    if (answer.error) return answer;
    const pace = (performance.now() - begun) / answer.count;
    paces.set(model.name, (pace + (paces.get(model.name) ?? pace)) / 2);
    latest = model.name;
    showWhoDraws(model);
    fetchCodec(model).then(() => showWhoDraws(model));
    try {
      return { pictures: await cut(answer) };
    } catch (error) {
      console.error(error);
      return { error: "These pictures did not arrive whole. Try again." };
    }
  }

  function chunkSize(model) {
    const pace = drawer(model)?.milliseconds ?? paces.get(model.name);
    if (!pace) return FIRST_CHUNK;
    return Math.min(LIMITS.maxLatents, Math.max(1, Math.round(CHUNK_MS / pace)));
  }

  async function decode(model, latents, { order = [...latents.keys()], isWanted = () => true, onPictures } = {}) {
    const pictures = [];
    for (let done = 0; done < order.length; ) {
      const rows = order.slice(done, done + chunkSize(model));
      const chunk = await decodeChunk(
        model,
        rows.map((row) => latents[row]),
        isWanted,
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

  return { decode, askFor, isAlone, drawsHere: (model) => isAlone || fasterCodec(model) !== null };
}

/** The codec of this browser, where it is faster than the server. */
function fasterCodec(model) {
  const codec = codecOf(model);
  return codec && codec.milliseconds < paces.get(model.name) ? codec : null;
}

/** As `decodeChunk`; null if this browser cannot. */
async function decodeHere(codec, model, latents, isWanted) {
  try {
    const images = await codec.decode(
      latents.map((latent) => asSent(latent, model)),
      { isWanted },
    );
    if (images) return { pictures: await Promise.all(images.map((image) => createImageBitmap(image))) };
    return isWanted() ? null : {}; // null: it was closed, for two other models
  } catch {
    dropCodec(model);
    return null;
  }
}

function showWhoDraws(model) {
  const pace = paces.get(model.name);
  if (model.name !== latest || !pace) return;
  const codec = fasterCodec(model);
  showDrawer(codec, codec?.milliseconds ?? pace);
}
