// The two networks of vae/model.py, as lists of steps. A step computes a layer of a feature map, and adds a residual if
// there is one: { layer, from, to, residual, height, width }, with the layer's height and width before depth to space.
// A feature map is { slot, height, width, channels, stored }: it lies in one of three slots, which later ones use
// again, and has `stored` channels there, rounded up to what the kernels take.

const GROUPS = 8; // of GroupNorm: channels are multiples of it
const SLOTS = 3; // as many maps as are needed at once: a block's input, what is between, and its skip
const MAX_STAGES = 16;
const MAX_BLOCKS = 100;
const TILE = 4; // pixels to a side that Winograd's algorithm makes at once

const roundUp = (count, multiple) => Math.ceil(count / multiple) * multiple;
const isCount = (value) => Number.isSafeInteger(value) && value > 0;

/**
 * Checks an architecture, as config.json describes it, by the rules of VAEConfig.
 *
 * @throws {Error} with a sentence.
 */
export function checkArchitecture(architecture) {
  const { image_size: size, latent, latent_dim: length, channels, blocks } = architecture ?? {};
  const refuse = (what) => {
    throw new Error(`This model's config.json cannot be used: ${what}.`);
  };
  if (latent !== "spatial" && latent !== "vector") refuse(`latent is ${latent}, not spatial or vector`);
  if (!Array.isArray(channels) || !channels.length) refuse("channels is not a list");
  if (channels.length > MAX_STAGES || blocks > MAX_BLOCKS) refuse("it has too many layers");
  if (!channels.every((count) => isCount(count) && count % GROUPS === 0))
    refuse(`channels is not of multiples of ${GROUPS}`);
  if (![size, length, blocks].every(isCount))
    refuse("image_size, latent_dim and blocks are not all whole and positive");
  if (size % downsampling(architecture)) refuse(`image_size is not a multiple of ${downsampling(architecture)}`);
}

/** How many times smaller than the picture the smallest map is, along each side. */
export function downsampling({ channels, halve_first: halvesFirst }) {
  return 2 ** (channels.length + (halvesFirst ? 1 : 0));
}

/** The shape of the latent of a picture: [length], or [height, width, channels]. */
export function latentShape(architecture, height, width) {
  const { latent, latent_dim: length } = architecture;
  const factor = downsampling(architecture);
  return latent === "vector" ? [length] : [height / factor, width / factor, length];
}

/** From a latent to the last map before the sigmoid: { input, output, steps }. */
export function decoderSteps(architecture, height, width) {
  const { latent, latent_dim: length, channels, blocks, halve_first: halvesFirst } = architecture;
  const [h, w] = [height, width].map((side) => side / downsampling(architecture));
  const deepest = channels.at(-1);
  const { steps, featureMap, convolution, dense, block } = builder();

  const [inputHeight, inputWidth] = latent === "spatial" ? [h, w] : [1, 1];
  const input = featureMap(inputHeight, inputWidth, length);
  let x =
    latent === "spatial"
      ? convolution("decoder.head", input, featureMap(h, w, deepest, [input]))
      : dense("decoder.head", input, featureMap(h, w, deepest, [input]));
  let stage = 0;
  for (const count of channels.toReversed()) {
    x = convolution(`decoder.stages.${stage++}.conv`, x, featureMap(2 * x.height, 2 * x.width, count, [x]));
    for (let k = 0; k < blocks; k++) x = block(`decoder.stages.${stage++}`, x, count);
  }
  // Twelve channels are the colours of four pixels; they are spread out when they become bytes.
  const [name, colours] = halvesFirst ? ["decoder.to_rgb.conv", 12] : ["decoder.to_rgb", 3];
  const output = convolution(name, x, featureMap(x.height, x.width, colours, [x]), { norm: "decoder.norm" });
  return { input, output, steps };
}

/** From a picture in [-1, 1] to the mean and the log-variance, one after the other: { input, output, steps }. */
export function encoderSteps(architecture, height, width) {
  const { latent, latent_dim: length, channels, blocks, halve_first: halvesFirst } = architecture;
  const { steps, featureMap, convolution, dense, block } = builder();

  const halved = (from, count) => featureMap(from.height / 2, from.width / 2, count, [from]);
  const input = featureMap(height, width, 3);
  const stem = halvesFirst ? halved(input, channels[0]) : featureMap(height, width, channels[0], [input]);
  let x = convolution("encoder.stem", input, stem, { stride: halvesFirst ? 2 : 1 });
  let stage = 0;
  for (const count of channels) {
    for (let k = 0; k < blocks; k++) x = block(`encoder.stages.${stage++}`, x, count);
    x = convolution(`encoder.stages.${stage++}.conv`, x, halved(x, count), { stride: 2 });
  }
  const norm = "encoder.norm";
  const output =
    latent === "spatial"
      ? convolution("encoder.head", x, featureMap(x.height, x.width, 2 * length, [x]), { norm })
      : dense("encoder.head", x, featureMap(1, 1, 2 * length, [x]), { norm });
  return { input, output, steps };
}

function builder() {
  const steps = [];

  /** A feature map in a slot that none of those `beside` it is in. */
  function featureMap(height, width, channels, beside = []) {
    const taken = beside.map(({ slot }) => slot);
    const slot = Array.from({ length: SLOTS }, (_, k) => k).find((k) => !taken.includes(k));
    return { slot, height, width, channels, stored: roundUp(channels, beside.length ? 8 : 4) };
  }

  /** A convolution that keeps the size, or halves it by its stride, or doubles it by depth to space. */
  function convolution(name, from, to, { norm, residual, stride = 1, side = 3, hasBias = true } = {}) {
    const spread = to.height > from.height ? 2 : 1;
    const [height, width] = [to.height / spread, to.width / spread];
    const outputs = to.channels * spread ** 2;
    const layer = {
      name,
      norm,
      hasBias,
      shape: [side, side, from.channels, outputs],
      inputs: from.stored,
      outputs: roundUp(outputs, 8),
      side,
      stride,
      padding: side === 3 && stride === 1 ? 1 : 0,
      isWinograd: side === 3 && stride === 1 && (height > TILE || width > TILE),
    };
    steps.push({ layer, from, to, residual, height, width });
    return to;
  }

  /** A dense layer: a convolution of one pixel to as many channels as a feature map has numbers, or the reverse. */
  function dense(name, from, to, { norm } = {}) {
    const outputs = to.height * to.width * to.channels;
    const layer = {
      name,
      norm,
      hasBias: true,
      shape: [from.height * from.width * from.channels, outputs],
      inputs: from.stored,
      outputs: roundUp(outputs, 8),
      side: from.height,
      stride: 1,
      padding: 0,
      isWinograd: false,
    };
    const flat = { ...to, height: 1, width: 1, channels: outputs, stored: layer.outputs };
    steps.push({ layer, from, to: flat, height: 1, width: 1 });
    return to;
  }

  /** A ResNet block. Where the channels stay the same, its output takes the place of its input. */
  function block(name, x, channels) {
    const inner = featureMap(x.height, x.width, channels, [x]);
    const out = x.channels === channels ? x : featureMap(x.height, x.width, channels, [x, inner]);
    convolution(`${name}.conv1`, x, inner, { norm: `${name}.norm1` });
    if (out !== x) convolution(`${name}.skip`, x, out, { side: 1, hasBias: false });
    return convolution(`${name}.conv2`, inner, out, { norm: `${name}.norm2`, residual: out });
  }

  return { steps, featureMap, convolution, dense, block };
}
