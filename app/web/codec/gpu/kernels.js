// The decoder's operators as compute shaders, in WGSL. A feature map is an array of vec4f in planes: the first four
// channels of all its pixels, then the next four, and so on ("quads").
//
// The 3x3 convolution is Winograd's F(2x2, 3x3) (Lavin and Gray 2016, https://arxiv.org/abs/1509.09308): of 4x4 inputs,
// each 16 sums and differences, which are multiplied by 16 numbers made of a kernel's nine, give 2x2 outputs, for 16
// multiplications instead of 36. A workgroup of 256 threads computes 32 such tiles, 16 x 8 pixels, of 32 channels. Each
// thread has one of the 16 points and four channels, for 16 tiles: a matrix of 4x4 weights, which is read once for four
// inputs, is applied to 16 vectors from workgroup memory. All of it takes the 16 KB that every device has.

export const TILE = { width: 16, height: 8, quads: 8 }; // what a workgroup computes
export const POINTS = 16;
export const NORM_THREADS = 64;

const repeat = (count, line) => Array.from({ length: count }, (_, k) => line(k)).join("\n");
const storeProducts = (from) => repeat(4, (k) => `scratch[first + ${k}] = product${from + k};`);

const LAYER = /* wgsl */ `
struct Layer {
  height: u32, width: u32, // of what it computes, before depth to space
  inputs: u32, outputs: u32, // quads
  stride: u32, // quads of outputs that the weights have: as many as workgroups compute
  channels: u32, // quads of the map that it writes
  spread: u32, // 2 for depth to space, else 1
  normalises: u32, adds: u32, // whether GroupNorm and SiLU come before; whether it adds to what the map holds
}
@group(0) @binding(0) var<uniform> layer: Layer;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<mat4x4f>; // four inputs to four outputs
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> result: array<vec4f>;
`;

export const CONVOLUTION = /* wgsl */ `${LAYER}
@group(0) @binding(5) var<storage, read> affine: array<vec4f>; // of each quad a factor and a term
@group(0) @binding(6) var<storage, read_write> sums: array<vec4f>; // of each workgroup and quad: values, and squares

const PATCH = 512u; // where the inputs lie, 18 x 10 pixels, behind 16 points of 32 tiles
var<workgroup> scratch: array<vec4f, 1024>;

fn read_input(quad: u32, at: vec2i) -> vec4f {
  if (any(at < vec2i()) || any(at >= vec2i(vec2u(layer.width, layer.height)))) { return vec4f(); }
  let value = source[(quad * layer.height + u32(at.y)) * layer.width + u32(at.x)];
  if (layer.normalises == 0) { return value; }
  let x = value * affine[2 * quad] + affine[2 * quad + 1];
  return x / (1 + exp(-max(x, vec4f(-80))));
}

// Row y of the points of a tile: of its inputs' rows 0 - 2, 1 + 2, 2 - 1 or 1 - 3; the columns likewise.
fn transform_input(tile: u32, y: u32) {
  let corner = PATCH + tile / 8 * 2 * 18 + tile % 8 * 2;
  let a = corner + 18 * vec4u(0, 1, 2, 1)[y];
  let b = corner + 18 * vec4u(2, 2, 1, 3)[y];
  let sign = select(-1.0, 1.0, y == 1);
  let d0 = scratch[a] + sign * scratch[b];
  let d1 = scratch[a + 1] + sign * scratch[b + 1];
  let d2 = scratch[a + 2] + sign * scratch[b + 2];
  let d3 = scratch[a + 3] + sign * scratch[b + 3];
  let to = 4 * y * 32 + tile;
  scratch[to] = d0 - d2;
  scratch[to + 32] = d1 + d2;
  scratch[to + 64] = d2 - d1;
  scratch[to + 96] = d1 - d3;
}

// Pixel (x, y) of the outputs: the sum of three points each way, 0 + 1 + 2 or 1 - 2 - 3. Here are 16 points of 64 tiles.
fn sum_columns(y: u32, x: u32, tile: u32) -> vec4f {
  let at = (4 * y + x) * 64 + tile;
  return scratch[at] + (1 - 2 * f32(x)) * (scratch[at + 64] + scratch[at + 128]);
}
fn transform_output(y: u32, x: u32, tile: u32) -> vec4f {
  return sum_columns(y, x, tile) + (1 - 2 * f32(y)) * (sum_columns(y + 1, x, tile) + sum_columns(y + 2, x, tile));
}

// Depth to space: channel (2 * row + column) * channels + c is channel c of pixel (row, column) of a square of 2x2.
fn write_output(quad: u32, at: vec2u, computed: vec4f) -> vec4f {
  if (quad >= layer.outputs || at.x >= layer.width || at.y >= layer.height) { return vec4f(); }
  let phase = quad / layer.channels;
  let pixel = layer.spread * at + vec2u(phase % 2, phase / 2);
  let place = (quad % layer.channels * layer.spread * layer.height + pixel.y) * layer.spread * layer.width + pixel.x;
  var value = computed + bias[quad];
  if (layer.adds != 0) { value += result[place]; }
  result[place] = value;
  return value;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) thread: u32) {
  let corner = group.xy * vec2u(${TILE.width}, ${TILE.height});
  let point = thread / 16;
  let half = thread / 8 % 2; // of the tiles
  let quads = group.z * ${TILE.quads}; // the first quad of outputs
  ${repeat(16, (k) => `var product${k} = vec4f();`)}
  for (var quad = 0u; quad < layer.inputs; quad++) {
    if (thread < 180) {
      scratch[PATCH + thread] = read_input(quad, vec2i(corner + vec2u(thread % 18, thread / 18)) - 1);
    }
    workgroupBarrier();
    if (thread < 128) { transform_input(thread % 32, thread / 32); }
    workgroupBarrier();
    let matrix = weights[(point * layer.inputs + quad) * layer.stride + quads + thread % 8];
    let first = point * 32 + half * 16;
    ${repeat(16, (k) => `product${k} += matrix * scratch[first + ${k}];`)}
  }

  // Four times a quarter of the tiles: tile 16 * half + 4 * round + k of each quad.
  let tile = thread % 64;
  let offset = vec2u(thread / 64 % 2, thread / 128);
  let first = point * 64 + thread % 8 * 8 + half * 4;
  var sum = vec4f();
  var square = vec4f();
  for (var round = 0u; round < 4; round++) {
    workgroupBarrier();
    switch (round) {
      ${repeat(4, (round) => `case ${round}: { ${storeProducts(4 * round)} }`)}
      default: {}
    }
    workgroupBarrier();
    let number = tile / 4 % 2 * 16 + 4 * round + tile % 4;
    let at = corner + 2 * vec2u(number % 8, number / 8) + offset;
    let value = write_output(quads + tile / 8, at, transform_output(offset.y, offset.x, tile));
    sum += value;
    square += value * value;
  }
  workgroupBarrier();
  scratch[thread] = sum;
  scratch[256 + thread] = square;
  workgroupBarrier();
  if (thread < 16) {
    var total = vec4f();
    for (var k = 0u; k < 32; k++) { total += scratch[thread / 8 * 256 + k / 8 * 64 + thread % 8 * 8 + k % 8]; }
    sums[((group.y * groups.x + group.x) * layer.stride + quads + thread % 8) * 2 + thread / 8] = total;
  }
}
`;

/** From a vector to a map: a thread computes four channels of a pixel. */
export const DENSE = /* wgsl */ `${LAYER}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quad = id.x;
  if (quad >= layer.outputs) { return; }
  var value = bias[quad];
  for (var k = 0u; k < layer.inputs; k++) { value += weights[k * layer.stride + quad] * source[k]; }
  result[quad % layer.channels * (layer.outputs / layer.channels) + quad / layer.channels] = value;
}
`;

/** What GroupNorm makes of the sums that a convolution left: a workgroup computes a group. */
export const NORM = /* wgsl */ `
struct Norm {
  channels: u32, // of the map
  phases: u32, // 4 after depth to space, else 1
  blocks: u32, stride: u32, // workgroups that left sums, and for how many quads each
  pixels: u32, // of the map
}
@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> affine: array<f32>;
var<workgroup> totals: array<vec2f, ${NORM_THREADS}>;

@compute @workgroup_size(${NORM_THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) thread: u32) {
  let size = norm.channels / groups.x;
  let first = group.x * size;
  var total = vec2f();
  for (var k = thread; k < size * norm.phases * norm.blocks; k += ${NORM_THREADS}) {
    let output = k / size % norm.phases * norm.channels + first + k % size;
    let at = (k / size / norm.phases * norm.stride + output / 4) * 8 + output % 4;
    total += vec2f(sums[at], sums[at + 4]);
  }
  totals[thread] = total;
  for (var half = ${NORM_THREADS / 2}u; half > 0; half /= 2) {
    workgroupBarrier();
    if (thread < half) { totals[thread] += totals[thread + half]; }
  }
  workgroupBarrier();
  let moments = totals[0] / f32(size * norm.pixels);
  let factor = inverseSqrt(max(moments.y - moments.x * moments.x, 0) + 1e-6);
  for (var c = first + thread; c < first + size; c += ${NORM_THREADS}) {
    affine[c / 4 * 8 + c % 4] = scale[c] * factor;
    affine[c / 4 * 8 + 4 + c % 4] = bias[c] - moments.x * scale[c] * factor;
  }
}
`;

/** From the last map to bytes; where the map has half the picture's sides, each of its pixels has four's colours. */
export const PICTURE = /* wgsl */ `
struct Picture { height: u32, width: u32, spread: u32 }
@group(0) @binding(0) var<uniform> size: Picture;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> picture: array<u32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= size.width || id.y >= size.height) { return; }
  let inner = id.xy % size.spread;
  let at = id.xy / size.spread;
  let map = vec2u(size.width, size.height) / size.spread;
  var value = vec3f();
  for (var k = 0u; k < 3; k++) {
    let channel = (2 * inner.y + inner.x) * 3 + k;
    value[k] = source[(channel / 4 * map.y + at.y) * map.x + at.x][channel % 4];
  }
  // Alpha tells whether the numbers are finite. A comparison would not: shaders may assume that all are.
  let is_finite = all((bitcast<vec3u>(value) & vec3u(0x7f800000)) != vec3u(0x7f800000));
  let colours = 1 / (1 + exp(-clamp(value, vec3f(-80), vec3f(80))));
  picture[id.y * size.width + id.x] = pack4x8unorm(vec4f(colours, select(0.0, 1.0, is_finite)));
}
`;
