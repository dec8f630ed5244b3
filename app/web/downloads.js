// The row of small buttons that saves what a widget shows. The page makes the files by itself.

import { make, say } from "./dom.js";
import { gifOf } from "./gif.js";
import { isSpatial } from "./latents.js";
import { LIMITS } from "./limits.js";
import { withLatent } from "./png.js";
import { blobOf, pixelsOf, tiled } from "./sheet.js";
import { latentTable, npyOf } from "./tables.js";

/**
 * A row with a button for each offer: { kind, title, make }. `kind` is the file's ending, and in capitals the button's
 * words; `make()` resolves to { name, content }: the file's name without its ending, and a Blob or what one is made of.
 * It rejects with a sentence, which is shown. `words` stand before the buttons.
 */
export function downloads(offers, words = "Download") {
  const message = make("span", { className: "downloads-message", hidden: true, attributes: { role: "status" } });
  const buttons = offers.map(({ kind, title, make: makeFile }) => {
    const button = make("button", { type: "button", title, textContent: kind.toUpperCase() });
    button.addEventListener("click", async () => {
      say(message, "");
      button.disabled = true;
      try {
        const { name, content } = await makeFile();
        save(fileName(name, kind), content instanceof Blob ? content : new Blob([content]));
      } catch (error) {
        say(message, error.message);
      }
      button.disabled = false;
    });
    return button;
  });
  const attributes = { role: "group", "aria-label": words };
  return make("div", { className: "downloads", attributes }, make("span", {}, words), ...buttons, message);
}

/** What the server makes of words too (app/explore/files.py). */
export const fileName = (words, kind) =>
  `${words.replace(/[^\p{L}\p{N}_.+,()]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "") || "picture"}.${kind}`;

function save(name, blob) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// ---- What widgets offer ----

export const NOT_ALL = "Not all of these pictures have come. Try again.";

/**
 * Latents, as a table and for NumPy. `get()` resolves to { model, latents, name }, and where the table says more of each
 * than its numbers, `names` of columns and `facts`, their values for each latent.
 */
export function latentOffers(get) {
  const offer = (kind, title, contentOf) => ({
    kind,
    title,
    async make() {
      const found = await get();
      return { name: `${found.model.name} ${found.name} latents`, content: contentOf(found) };
    },
  });
  return [
    offer("csv", "The latents as a table, one a row", ({ latents, names = [], facts }) =>
      latentTable(latents, names, facts ?? latents.map(() => [])),
    ),
    offer("npy", "The latents for NumPy: float32", ({ latents, model }) => npyOf(latents, model)),
  ];
}

/** Pictures side by side, as one. `get()` resolves to { model, pictures, columns, name }. */
export function sheetOffer(title, get) {
  const makeSheet = async () => {
    const { model, pictures, columns, name } = await get();
    return { name: `${model.name} ${name}`, content: await blobOf(tiled(pictures, columns)) };
  };
  return { kind: "png", title, make: makeSheet };
}

/** One picture, which carries its latent if that is a vector. `get()` resolves to { model, picture, latent, name }. */
export function pictureOffer(get) {
  const makePicture = async () => {
    const { model, picture, latent, name } = await get();
    const png = new Uint8Array(await (await blobOf(tiled([picture], 1))).arrayBuffer());
    // A spatial latent is long, and the server's pictures of it are with loss: it would not be taken for theirs.
    return { name: `${model.name} ${name}`, content: isSpatial(model) ? png : withLatent(png, model, latent, name) };
  };
  return {
    kind: "png",
    title: "This picture",
    make: makePicture,
  };
}

/** Pictures as an animation, there and back. `get()` resolves to { model, pictures, name }. */
export function gifOffer(get) {
  const makeGif = async () => {
    const { model, pictures, name } = await get();
    const side = Math.max(LIMITS.exportSide, pictures[0].width);
    const frames = pictures.map((picture) => pixelsOf(picture, side));
    const content = gifOf([...frames, ...frames.slice(1, -1).reverse()], LIMITS.frameMilliseconds);
    return { name: `${model.name} ${name}`, content };
  };
  return { kind: "gif", title: "An animation, there and back", make: makeGif };
}
