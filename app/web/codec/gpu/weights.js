// The numbers of a layer as the shaders read them: matrices of four inputs (columns) by four outputs, in float32.

import { POINTS } from "./kernels.js";

// What Winograd's F(2x2, 3x3) makes of three taps in a row.
const TAPS_TO_POINTS = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, 1],
];

/** A tensor's numbers as float32. @throws {Error} where the browser has no float16. */
export function floats({ dtype, bytes }) {
  const { buffer } = bytes.slice(); // aligned
  return dtype === "F16" ? Float32Array.from(new Float16Array(buffer)) : new Float32Array(buffer);
}

/** As many numbers as there are, then zeros. */
export function padded(numbers, count) {
  const all = new Float32Array(count);
  all.set(numbers);
  return all;
}

/** Of a kernel (3, 3, inputs, outputs): for each point, quads of inputs by `stride` quads of outputs. */
export function winogradMatrices(kernel, [, , inputs, outputs], quads, stride) {
  const matrices = new Float32Array(POINTS * quads * stride * 16);
  const taps = new Float32Array(9);
  for (let c = 0; c < inputs; c++) {
    for (let k = 0; k < outputs; k++) {
      for (let tap = 0; tap < 9; tap++) taps[tap] = kernel[(tap * inputs + c) * outputs + k];
      for (let point = 0; point < POINTS; point++) {
        const [rows, columns] = [TAPS_TO_POINTS[point >> 2], TAPS_TO_POINTS[point & 3]];
        let sum = 0;
        for (let tap = 0; tap < 9; tap++) sum += rows[Math.floor(tap / 3)] * columns[tap % 3] * taps[tap];
        matrices[place(point * quads, c, k, stride)] = sum;
      }
    }
  }
  return matrices;
}

/** Of a matrix (inputs, outputs): quads of inputs by `stride` quads of outputs. */
export function denseMatrices(kernel, [inputs, outputs], quads, stride) {
  const matrices = new Float32Array(quads * stride * 16);
  for (let c = 0; c < inputs; c++) {
    for (let k = 0; k < outputs; k++) matrices[place(0, c, k, stride)] = kernel[c * outputs + k];
  }
  return matrices;
}

const place = (first, c, k, stride) => ((first + (c >> 2)) * stride + (k >> 2)) * 16 + (c & 3) * 4 + (k & 3);
