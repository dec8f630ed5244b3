// The channels of a spatial latent as pictures.

import { make } from "../web/dom.js";
import { clamp } from "../web/numbers.js";

const SHARE = 0.99; // of the numbers lie within the scale: a few stray ones would fade all others
const [BLUE, WHITE, RED] = [
  [33, 102, 172],
  [247, 247, 247],
  [178, 24, 43],
];

/** Where the scale of a latent's colours ends. */
export function colourLimit(latent) {
  const sizes = latent.map(Math.abs).sort();
  return sizes[Math.floor(SHARE * (sizes.length - 1))] || 1;
}

/** From blue at -1 and below to red at 1 and above. */
export function colourOf(value) {
  const share = clamp(Math.abs(value), 0, 1);
  const end = value < 0 ? BLUE : RED;
  return WHITE.map((level, c) => Math.round(level + share * (end[c] - level)));
}

/** The picture of one channel, as the URL of a PNG. */
export function channelUrl(latent, { shape: [height, width, channels] }, channel, limit) {
  const image = new ImageData(width, height);
  for (let k = 0; k < height * width; k++) {
    image.data.set([...colourOf(latent[k * channels + channel] / limit), 255], 4 * k);
  }
  const context = make("canvas", { width, height }).getContext("2d");
  context.putImageData(image, 0, 0);
  return context.canvas.toDataURL();
}
