// The layers' numbers, from safetensors to where and how the kernels read them.

const POINTS = 36; // numbers that Winograd's algorithm makes of a kernel's nine

/**
 * Loads a layer of network.js.
 *
 * @returns {{ at: number, isWinograd: boolean }} where its structure lies, and which kernel it is laid out for.
 * @throws {Error} with a sentence, if a tensor is missing, of another shape, or holds what is no finite number.
 */
export function loadLayer(layer, tensors, machine) {
  const { name, norm, hasBias, shape, inputs, outputs, side, stride, padding, isWinograd } = layer;
  const kernelTensor = find(`${name}.kernel`, shape, tensors); // before memory for it is taken
  const kernel = machine.take(4 * (isWinograd ? POINTS : side * side) * inputs * outputs);
  const bias = machine.take(4 * outputs);
  const [gamma, beta] = norm ? [machine.take(4 * inputs), machine.take(4 * inputs)] : [0, 0];
  const at = machine.structure(kernel, bias, gamma, beta, outputs, side, stride, padding);

  machine.borrow(() => packKernel(layer, widen(kernelTensor, machine), kernel, machine));
  const fill = (address, tensor, count) =>
    machine.borrow(() => {
      const values = widen(find(tensor, [count], tensors), machine);
      machine.floats(address, count).set(machine.floats(values, count));
    });
  machine.floats(bias, outputs).fill(0);
  if (hasBias) fill(bias, `${name}.bias`, shape.at(-1));
  if (norm) {
    fill(gamma, `${norm}.scale`, inputs);
    fill(beta, `${norm}.bias`, inputs);
  }
  return { at, isWinograd };
}

function packKernel({ shape, inputs, side, isWinograd }, from, to, { kernels }) {
  const outputs = shape.at(-1);
  const taps = side * side;
  const own = shape.length === 4 ? shape[2] : shape[0] / taps; // inputs, of which the map may have more
  if (isWinograd) kernels.pack_winograd(from, own, outputs, inputs, to);
  else kernels.pack_direct(from, taps, own, outputs, inputs, to);
}

function find(name, shape, tensors) {
  const tensor = tensors.get(name);
  const misfit = (what) => new Error(`The weights do not fit config.json: ${name} ${what}.`);
  if (!tensor) throw misfit("is missing");
  if (String(tensor.shape) !== String(shape)) throw misfit(`is ${tensor.shape.join(" x ")}, not ${shape.join(" x ")}`);
  return tensor;
}

/** The address of a tensor's numbers as float32. */
function widen({ name, dtype, count, bytes }, machine) {
  const at = machine.take(4 * count);
  const stored = dtype === "F16" ? machine.take(2 * count) : at;
  machine.bytes(stored, bytes.length).set(bytes);
  if (dtype === "F16") machine.kernels.widen(stored, count, at);
  if (!machine.kernels.all_finite(at, count))
    throw new Error(`The weights are damaged: ${name} has numbers that are not finite.`);
  return at;
}
