// The kernels of codec.wasm and their memory, which is handed out from the bottom up.

const ALIGNMENT = 64; // bytes, a cache line
const PAGE = 1 << 16; // bytes, of WebAssembly's memory
const MAX_MEMORY = 2 ** 30; // bytes

async function instantiate(wasm) {
  try {
    return (await WebAssembly.instantiate(wasm)).instance.exports;
  } catch {
    throw new Error("This browser cannot run the codec: it is too old for WebAssembly with SIMD.");
  }
}

/** @param {ArrayBuffer} wasm - codec.wasm. */
export async function startMachine(wasm) {
  const kernels = await instantiate(wasm);
  const { memory } = kernels;
  let top = kernels.__heap_base.value;

  /** The address of so many bytes that nobody else has. */
  function take(bytes) {
    const at = Math.ceil(top / ALIGNMENT) * ALIGNMENT;
    const lacking = Math.ceil((at + bytes - memory.buffer.byteLength) / PAGE);
    try {
      if (at + bytes > MAX_MEMORY) throw new RangeError();
      if (lacking > 0) memory.grow(lacking);
    } catch {
      throw new Error("This needs more memory than a browser gives. Take a smaller picture or model.");
    }
    top = at + bytes;
    return at;
  }

  /** A function that gives back all that was taken since. */
  function mark() {
    const before = top;
    return () => {
      top = before;
    };
  }

  /** Runs `work`, and gives back what it took. */
  function borrow(work) {
    const takeBack = mark();
    work();
    takeBack();
  }

  return {
    kernels,
    take,
    mark,
    borrow,
    floats: (at, count) => new Float32Array(memory.buffer, at, count),
    bytes: (at, count) => new Uint8ClampedArray(memory.buffer, at, count),
    /** The address of a structure of codec.h, whose fields are all 32-bit numbers. */
    structure(...fields) {
      const at = take(4 * fields.length);
      new Uint32Array(memory.buffer, at, fields.length).set(fields);
      return at;
    },
  };
}
