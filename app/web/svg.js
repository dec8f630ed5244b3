// Drawings that are saved as files of their own.

import { make } from "./dom.js";
import { blobOf } from "./sheet.js";

/** Pixels of the PNG for one of the drawing. */
export const SCALE = 2;

const NOT_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu; // a label may hold anything

/** An SVG element as a text, without characters that XML cannot hold. */
export const textOfSvg = (svg) => new XMLSerializer().serializeToString(svg).replace(NOT_XML, "");

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
