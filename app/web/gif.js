// A GIF (version 89a) of equal frames, one palette for all: pure.

const COLOURS = 256;
const DEPTH = 5; // bits of a colour's red, green and blue by which it is counted
const BINS = 1 << (3 * DEPTH);
const MOST_CODES = 4096; // of LZW
const CLEAR = COLOURS;
const END = COLOURS + 1;

/** An endless GIF as bytes. `frames` are ImageData of one size; one that comes again is encoded once. */
export function gifOf(frames, milliseconds) {
  const { width, height } = frames[0];
  const { palette, indexOfBin } = paletteOf(new Set(frames));
  const encoded = new Map();
  for (const frame of new Set(frames)) encoded.set(frame, blocks(compress(indicesOf(frame, indexOfBin))));
  const hundredths = Math.round(milliseconds / 10);
  const size = [...short(width), ...short(height)];
  const head = [
    ...ascii("GIF89a"),
    ...size,
    0xf7,
    0,
    0,
    ...palette,
    0x21,
    0xff,
    11,
    ...ascii("NETSCAPE2.0"),
    3,
    1,
    0,
    0,
    0,
  ];
  const parts = [Uint8Array.from(head)];
  for (const frame of frames) {
    const control = [0x21, 0xf9, 4, 4, ...short(hundredths), 0, 0];
    parts.push(Uint8Array.from([...control, 0x2c, 0, 0, 0, 0, ...size, 0, 8]), encoded.get(frame));
  }
  return joined([...parts, Uint8Array.of(0x3b)]);
}

const ascii = (text) => [...text].map((letter) => letter.charCodeAt(0));
const short = (number) => [number & 0xff, number >> 8];
const binOf = (data, i) => ((data[i] >> 3) << 10) | ((data[i + 1] >> 3) << 5) | (data[i + 2] >> 3);

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// ---- Colours: boxes of them are cut at their median until there is one for each place of the palette ----

function paletteOf(frames) {
  const counts = new Float64Array(BINS);
  const sums = [0, 1, 2].map(() => new Float64Array(BINS));
  for (const { data } of frames) {
    for (let i = 0; i < data.length; i += 4) {
      const bin = binOf(data, i);
      counts[bin]++;
      for (let c = 0; c < 3; c++) sums[c][bin] += data[i + c];
    }
  }
  const used = [...counts.keys()].filter((bin) => counts[bin]);
  const colourOf = (bin) => sums.map((sum) => sum[bin] / counts[bin]);
  const colours = new Map(used.map((bin) => [bin, colourOf(bin)]));
  const boxes = [boxOf(used, colours, counts)];
  while (boxes.length < COLOURS) {
    const widest = boxes.reduce((best, box) => (box.weight > best.weight ? box : best));
    if (!widest.weight) break; // every colour has a place
    boxes.splice(boxes.indexOf(widest), 1, ...halves(widest, colours, counts));
  }
  const palette = new Uint8Array(3 * COLOURS);
  const indexOfBin = new Uint8Array(BINS);
  boxes.forEach(({ bins }, k) => {
    const total = bins.reduce((sum, bin) => sum + counts[bin], 0);
    for (let c = 0; c < 3; c++) {
      palette[3 * k + c] = Math.round(bins.reduce((sum, bin) => sum + sums[c][bin], 0) / total);
    }
    for (const bin of bins) indexOfBin[bin] = k;
  });
  return { palette, indexOfBin };
}

/** `weight` says how much there is to gain from cutting it along its longest side, `axis`; 0 where nothing is. */
function boxOf(bins, colours, counts) {
  const lengths = [0, 1, 2].map((c) => {
    const [low, high] = bins.reduce(
      ([least, most], bin) => [Math.min(least, colours.get(bin)[c]), Math.max(most, colours.get(bin)[c])],
      [255, 0],
    );
    return high - low;
  });
  const axis = lengths.indexOf(Math.max(...lengths));
  const count = bins.reduce((sum, bin) => sum + counts[bin], 0);
  return { bins, axis, weight: bins.length > 1 ? lengths[axis] ** 2 * Math.sqrt(count) : 0 };
}

function halves({ bins, axis }, colours, counts) {
  const ordered = bins.toSorted((a, b) => colours.get(a)[axis] - colours.get(b)[axis]);
  const half = ordered.reduce((sum, bin) => sum + counts[bin], 0) / 2;
  let [cut, sum] = [0, 0];
  while (cut < ordered.length - 1 && (cut === 0 || sum + counts[ordered[cut]] <= half)) sum += counts[ordered[cut++]];
  return [ordered.slice(0, cut), ordered.slice(cut)].map((part) => boxOf(part, colours, counts));
}

function indicesOf({ data }, indexOfBin) {
  const indices = new Uint8Array(data.length / 4);
  for (let i = 0; i < indices.length; i++) indices[i] = indexOfBin[binOf(data, 4 * i)];
  return indices;
}

// ---- LZW, with codes of 9 to 12 bits, the lowest bit first ----

function compress(indices) {
  const bytes = new Uint8Array(2 * indices.length + 16);
  const follows = new Uint16Array(MOST_CODES * COLOURS); // code and next index -> code of both; 0 for none yet
  let [at, bits, held] = [0, 0, 0];
  let [next, width] = [END + 1, 9];
  const put = (code) => {
    bits |= code << held;
    for (held += width; held >= 8; held -= 8) {
      bytes[at++] = bits & 0xff;
      bits >>>= 8;
    }
  };
  put(CLEAR);
  let code = indices[0];
  for (let i = 1; i < indices.length; i++) {
    const key = code * COLOURS + indices[i];
    if (follows[key]) {
      code = follows[key];
      continue;
    }
    put(code);
    if (next < MOST_CODES) {
      follows[key] = next;
      if (next++ === 1 << width) width++;
    } else {
      put(CLEAR);
      follows.fill(0);
      [next, width] = [END + 1, 9];
    }
    code = indices[i];
  }
  put(code);
  put(END);
  if (held) bytes[at++] = bits & 0xff;
  return bytes.subarray(0, at);
}

/** In blocks of up to 255 bytes, each after its length. */
function blocks(bytes) {
  const parts = [];
  for (let first = 0; first < bytes.length; first += 255) {
    const part = bytes.subarray(first, first + 255);
    parts.push(Uint8Array.of(part.length), part);
  }
  return joined([...parts, Uint8Array.of(0)]);
}
