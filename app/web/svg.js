// Drawings that are saved as files of their own.

import { make } from "./dom.js";
import { blobOf } from "./sheet.js";

/** Pixels of the PNG for one of the drawing. */
export const SCALE = 2;

/** An SVG element as a text. */
export const textOfSvg = (svg) => new XMLSerializer().serializeToString(svg);

/** An SVG element that has a width and a height, as a PNG in a Blob. */
export async function pngOfSvg(svg) {
  const [width, height] = ["width", "height"].map((side) => SCALE * Number(svg.getAttribute(side)));
  const picture = new Image();
  picture.src = `data:image/svg+xml,${encodeURIComponent(textOfSvg(svg))}`;
  await picture.decode();
  const canvas = make("canvas", { width, height });
  canvas.getContext("2d").drawImage(picture, 0, 0, width, height);
  return blobOf(canvas);
}
