import { boxAround, SIDE, toCells, toPicture } from "./ink.js";

const PEN = 0.13; // of the canvas's side: as thick as the strokes of the data

/**
 * A canvas to draw a digit on. `onPicture(picture)` gets it after each move, as the codec takes pictures (`toPicture`).
 * `show(image)` puts a digit of the data there instead; the next stroke begins on an empty canvas.
 */
export function inkCanvas(canvas, onPicture) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const { width: side } = canvas;
  let isEmpty = true; // of strokes
  let at = null; // where the pen is

  function stroke(event) {
    const box = canvas.getBoundingClientRect();
    const to = [(side * (event.clientX - box.left)) / box.width, (side * (event.clientY - box.top)) / box.height];
    if (isEmpty) context.clearRect(0, 0, side, side);
    isEmpty = false;
    Object.assign(context, { lineWidth: PEN * side, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    context.beginPath();
    context.moveTo(...(at ?? to));
    context.lineTo(...to);
    context.stroke();
    at = to;
    const { data } = context.getImageData(0, 0, side, side);
    const ink = Float32Array.from({ length: side ** 2 }, (_, k) => data[4 * k + 3] / 255);
    const around = boxAround(ink, side);
    if (around) onPicture(toPicture(toCells(ink, side, around)));
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    at = null;
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => at && event.buttons && stroke(event));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      at = null;
    });
  }

  async function show(image) {
    await image.decode();
    const small = new OffscreenCanvas(SIDE, SIDE).getContext("2d");
    small.drawImage(image, 0, 0, SIDE, SIDE);
    const { data } = small.getImageData(0, 0, SIDE, SIDE);
    context.clearRect(0, 0, side, side);
    context.drawImage(image, 0, 0, side, side);
    isEmpty = true;
    onPicture(Float32Array.from({ length: 3 * SIDE ** 2 }, (_, k) => data[4 * Math.floor(k / 3) + (k % 3)] / 255));
  }

  function clear() {
    context.clearRect(0, 0, side, side);
    isEmpty = true;
  }

  return { show, clear };
}
