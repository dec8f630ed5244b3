// A VAE's decoder on the GPU: the steps of network.js, by the shaders of kernels.js.

import { decoderSteps } from "../network.js";
import { readSafetensors } from "../safetensors.js";
import { CONVOLUTION, DENSE, NORM, PICTURE, TILE } from "./kernels.js";
import { denseMatrices, floats, padded, winogradMatrices } from "./weights.js";

const GROUPS = 8; // of GroupNorm
const FLOAT = 4; // bytes

/** A device with the shaders. Rejects if the browser has none. */
export async function startGpu() {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error("This browser has no GPU.");
  const device = await adapter.requestDevice();
  const pipeline = (code) =>
    device.createComputePipelineAsync({ layout: "auto", compute: { module: device.createShaderModule({ code }) } });
  try {
    const [convolution, dense, norm, picture] = await Promise.all([CONVOLUTION, DENSE, NORM, PICTURE].map(pipeline));
    return { device, convolution, dense, norm, picture };
  } catch (error) {
    device.destroy();
    throw error;
  }
}

/**
 * The decoder of a model of kind "conv-vae" on such a device. It takes what `createCodec` has checked: the weights, as
 * safetensors, and the latents of `decode(latent, height, width)`, which resolves to bytes as an ImageData has them. It
 * rejects if the device is lost, or the picture is not whole, or its numbers are not finite.
 */
export function createGpuDecoder({ device, convolution, dense, norm, picture }, architecture, weights) {
  const { image_size: imageSize, halve_first: halvesFirst } = architecture;
  const layers = loadLayers();
  let plan = null; // of pictures of the size that came last

  function buffer(bytes, usage) {
    return device.createBuffer({ size: bytes, usage: usage | GPUBufferUsage.COPY_DST });
  }

  function upload(numbers, usage = GPUBufferUsage.STORAGE) {
    const made = buffer(numbers.byteLength, usage);
    device.queue.writeBuffer(made, 0, numbers);
    return made;
  }

  function loadLayers() {
    const tensors = readSafetensors(weights);
    const numbers = (name) => floats(tensors.get(name));
    const load = ({ name, norm, shape, inputs, outputs }) => {
      const isDense = shape.length === 2;
      const stride = isDense ? outputs / 4 : Math.ceil(outputs / 4 / TILE.quads) * TILE.quads;
      const pack = isDense ? denseMatrices : winogradMatrices;
      return {
        isDense,
        stride,
        matrices: upload(pack(numbers(`${name}.kernel`), shape, inputs / 4, stride)),
        bias: upload(padded(numbers(`${name}.bias`), 4 * stride)),
        scales: norm && ["scale", "bias"].map((part) => upload(numbers(`${norm}.${part}`))),
      };
    };
    const { steps } = decoderSteps(architecture, imageSize, imageSize);
    return new Map(steps.map(({ layer }) => [layer.name, load(layer)]));
  }

  /** Finds room for the maps, and says which shaders run on which of it. */
  function layOut(height, width) {
    const { input, output, steps } = decoderSteps(architecture, height, width);
    const own = []; // buffers of this size
    const keep = (made) => own[own.push(made) - 1];
    const room = (bytes, usage = GPUBufferUsage.STORAGE) => keep(buffer(bytes, usage));
    const sumsOf = (step) => tiles(step).count * layers.get(step.layer.name).stride * 8;

    const maps = steps.flatMap(({ from, to }) => [from, to]);
    const sizes = [];
    for (const { slot, height, width, stored } of maps) {
      sizes[slot] = Math.max(sizes[slot] ?? 0, height * width * stored * FLOAT);
    }
    const slots = sizes.map((bytes) => room(bytes));
    const affine = room(Math.max(...maps.map(({ stored }) => stored)) * 2 * FLOAT);
    const sums = room(Math.max(...steps.map(sumsOf)) * FLOAT);
    const pixels = room(4 * height * width, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
    const copy = room(4 * height * width, GPUBufferUsage.MAP_READ);

    const runs = [];
    const run = (shader, groups, settings, ...buffers) => {
      const uniform = keep(upload(Uint32Array.from(settings), GPUBufferUsage.UNIFORM));
      const entries = [uniform, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } }));
      const bindings = device.createBindGroup({ layout: shader.getBindGroupLayout(0), entries });
      runs.push({ shader, groups, bindings });
    };
    steps.forEach((step, k) => {
      const { layer, from, to, residual, height, width } = step;
      const { isDense, stride, matrices, bias, scales } = layers.get(layer.name);
      const channels = (isDense ? steps[k + 1].from : to).stored;
      const spread = to.height / height;
      const flags = [scales ? 1 : 0, residual ? 1 : 0]; // the residual is what the map holds
      const settings = [height, width, layer.inputs / 4, layer.outputs / 4, stride, channels / 4, spread, ...flags];
      const buffers = [slots[from.slot], matrices, bias, slots[to.slot]];
      if (scales) {
        const before = steps[k - 1]; // what wrote the map, and its sums
        const phases = (before.to.height / before.height) ** 2;
        const left = [tiles(before).count, layers.get(before.layer.name).stride];
        const settings = [from.stored, phases, ...left, from.height * from.width];
        run(norm, [GROUPS], settings, sums, ...scales, affine);
      }
      if (isDense) run(dense, [Math.ceil(layer.outputs / 4 / 64)], settings, ...buffers);
      else
        run(
          convolution,
          [tiles(step).across, tiles(step).down, stride / TILE.quads],
          settings,
          ...buffers,
          affine,
          sums,
        );
    });
    const groups = [width, height].map((side) => Math.ceil(side / 16));
    run(picture, groups, [height, width, halvesFirst ? 2 : 1], slots[output.slot], pixels);
    return { height, width, input, source: slots[input.slot], runs, pixels, copy, own };
  }

  function planFor(height, width) {
    if (plan?.height !== height || plan.width !== width) {
      for (const buffer of plan?.own ?? []) buffer.destroy();
      plan = layOut(height, width);
    }
    return plan;
  }

  async function decode(latent, height = imageSize, width = imageSize) {
    const { input, source, runs, pixels, copy } = planFor(height, width);
    device.queue.writeBuffer(source, 0, inPlanes(latent, input));
    const commands = device.createCommandEncoder();
    const pass = commands.beginComputePass();
    for (const { shader, groups, bindings } of runs) {
      pass.setPipeline(shader);
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(...groups);
    }
    pass.end();
    commands.copyBufferToBuffer(pixels, 0, copy, 0, copy.size);
    device.queue.submit([commands.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const bytes = new Uint8ClampedArray(copy.getMappedRange().slice());
    copy.unmap();
    for (let k = 3; k < bytes.length; k += 4) {
      if (bytes[k] !== 255) throw new Error("This picture is not whole.");
    }
    return bytes;
  }

  return { decode };
}

/** What the workgroups of a convolution compute. */
function tiles({ height, width }) {
  const [across, down] = [Math.ceil(width / TILE.width), Math.ceil(height / TILE.height)];
  return { across, down, count: across * down };
}

/** A latent, pixel by pixel, as a map in planes of four channels. */
function inPlanes(latent, { height, width, channels, stored }) {
  const planes = new Float32Array(height * width * stored);
  for (let pixel = 0, k = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < channels; c++) planes[((c >> 2) * height * width + pixel) * 4 + (c & 3)] = latent[k++];
  }
  return planes;
}
