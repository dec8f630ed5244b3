// What the kernels share: vectors of four floats, feature maps and layers in memory, and where results go.
//
// A decode is a list of convolutions. Each may first normalise what it reads (GroupNorm and SiLU), and may add a
// feature map to what it writes, so a ResNet block is two of them. Feature maps have no border in memory: a convolution
// copies a few rows at a time to its scratch memory, normalised and with zeros around them, and reads them there. It
// adds up what it writes, channel by channel, for the GroupNorm of whatever reads that. So no feature map is passed
// over twice.

#pragma once
#include <wasm_simd128.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef v128_t vec; // four floats

#define EXPORT(name) __attribute__((export_name(#name)))
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

#define load(from) wasm_v128_load(from)
#define load_splat(from) wasm_v128_load32_splat(from)
#define store(to, value) wasm_v128_store(to, value)
#define splat(x) wasm_f32x4_splat(x)
#define add(a, b) wasm_f32x4_add(a, b)
#define sub(a, b) wasm_f32x4_sub(a, b)
#define mul(a, b) wasm_f32x4_mul(a, b)
#define divide(a, b) wasm_f32x4_div(a, b)
#define multiply_add(a, b, c) add(mul(a, b), c) // plain SIMD has no fused one

// codec.js and layers.js write Map and Layer, field by field as 32-bit numbers, in this order.

// A feature map.
typedef struct {
  float *data; // height x width x channels, the channels of a pixel side by side; a multiple of four of them
  u32 height, width, channels;
  double *sums; // of each channel's values, then of each one's squares: what GroupNorm is computed from
} Map;

typedef struct {
  const float *kernel;       // laid out by pack_winograd or pack_direct
  const float *bias;         // of each output
  const float *gamma, *beta; // of the GroupNorm before it, which SiLU follows; null where there is neither
  u32 outputs;               // channels, a multiple of eight
  u32 side, stride, padding; // of the kernel; the padding is that above and to the left
} Layer;

// norm.c
void prepare_norm(const Map *in, const Layer *layer, float *affine);
void read_rows(const Map *in, const Layer *layer, const float *affine, s32 first, u32 count, float *to, u32 pixels);
vec sigmoid(vec x);

// Outputs are computed in blocks of 16, and of 8 where fewer than 16 are left: the size of the block that begins here.
INLINE u32 block_size(u32 outputs, u32 first) { return outputs - first < 16 ? 8 : 16; }

// Adds a product of matrices to `sums`: (pixels, count) by (count, 4 * quads outputs). This loop is two thirds of the
// time that a decode takes. Two pixels by 16 outputs, or four by 8, keep eight sums, the weights and an input in 15
// registers. Measured in V8: more sums, or a loop unrolled by hand, do not fit, and take half as long again.
INLINE void add_products(const float *const *inputs, u32 count, const float *weights, vec sums[][4], u32 pixels,
                         u32 quads) {
  const float *x[4];
  UNROLL for (u32 p = 0; p < pixels; p++) x[p] = inputs[p];
  for (const float *end = x[0] + count; x[0] != end; weights += 4 * quads) {
    vec w[4];
    UNROLL for (u32 q = 0; q < quads; q++) w[q] = load(weights + 4 * q);
    UNROLL for (u32 p = 0; p < pixels; p++) {
      vec input = load_splat(x[p]++);
      UNROLL for (u32 q = 0; q < quads; q++) sums[p][q] = multiply_add(input, w[q], sums[p][q]);
    }
  }
}

// Where four channels of a layer's output go, and their sums so far. If the layer has four times the channels of the
// map, they are spread over squares of 2x2 pixels (depth to space): channel (2 * row + column) * channels + c of a
// pixel is channel c of the square's pixel (row, column).
typedef struct {
  float *to;
  const float *residual; // is added; null: nothing
  u32 right, down;       // floats from the place of one output pixel to those of its neighbours
  double *sums;
  u32 channels;
  vec sum, square;
} Sink;

INLINE Sink sink(const Map *out, const Map *residual, const Layer *layer, u32 channel) {
  u32 scale = layer->outputs > out->channels ? 2 : 1;
  u32 phase = channel / out->channels, c = channel % out->channels;
  u32 at = (phase / 2 * out->width + phase % 2) * out->channels + c;
  return (Sink){
      .to = out->data + at,
      .residual = residual ? residual->data + at : 0,
      .right = scale * out->channels,
      .down = scale * out->width * out->channels,
      .sums = out->sums + c,
      .channels = out->channels,
      .sum = splat(0),
      .square = splat(0),
  };
}

INLINE void put(Sink *sink, u32 at, vec value) {
  if (sink->residual) value = add(value, load(sink->residual + at));
  store(sink->to + at, value);
  sink->sum = add(sink->sum, value);
  sink->square = multiply_add(value, value, sink->square);
}

// Adds the sums to those of the map, which are double: a map has too many values for a float.
INLINE void drain(const Sink *sink) {
  float sum[4], square[4];
  store(sum, sink->sum);
  store(square, sink->square);
  for (u32 i = 0; i < 4; i++) {
    sink->sums[i] += sum[i];
    sink->sums[sink->channels + i] += square[i];
  }
}

INLINE void clear_sums(const Map *map) { __builtin_memset(map->sums, 0, 2 * map->channels * sizeof(double)); }
