// https://github.com/huggingface/safetensors#format: the length of a header, the header in JSON, then the numbers.

const BYTES = { F16: 2, F32: 4 }; // of one number
const MAX_HEADER = 1 << 24;

const damaged = (what) => new Error(`The weights are damaged: ${what}. Load them again, or train again.`);
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;

/**
 * The tensors of a file: name -> { name, dtype, shape, count, bytes }. Of float16 and float32 alone.
 *
 * @param {ArrayBuffer} file
 * @throws {Error} with a sentence, if the file is cut off or not of this format.
 */
export function readSafetensors(file) {
  const tensors = new Map();
  for (const [name, entry] of Object.entries(readHeader(file))) {
    if (name !== "__metadata__") tensors.set(name, readTensor(name, entry, file));
  }
  return tensors;
}

function headerLength(file) {
  const length = file.byteLength >= 8 ? new DataView(file).getBigUint64(0, true) : 0n;
  if (length === 0n || length > BigInt(Math.min(file.byteLength - 8, MAX_HEADER))) throw damaged("they have no header");
  return Number(length);
}

function readHeader(file) {
  try {
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, headerLength(file))));
    if (header && typeof header === "object") return header;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged("their header cannot be read");
}

function readTensor(name, entry, file) {
  const { dtype, shape, data_offsets: offsets } = entry ?? {};
  if (!Object.hasOwn(BYTES, dtype)) throw damaged(`${name} is of type ${dtype}, not F16 or F32`);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw damaged(`${name} has no valid shape`);
  const count = shape.reduce((product, side) => product * side, 1);
  const start = 8 + headerLength(file);
  const [from, to] = Array.isArray(offsets) && offsets.every(isCount) ? offsets : [0, -1];
  if (to - from !== count * BYTES[dtype] || start + to > file.byteLength) throw damaged(`${name} is incomplete`);
  return { name, dtype, shape, count, bytes: new Uint8Array(file, start + from, to - from) };
}
