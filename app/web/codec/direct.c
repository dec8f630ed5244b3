// Convolutions as the sum over the kernel's taps: those that Winograd's algorithm is not for (strides, 1x1 kernels,
// maps of a single tile), and dense layers, which are convolutions with a kernel as large as the map.

#include "codec.h"

// A kernel (side, side, inputs, outputs) to blocks of outputs: (block, side * side, inputs, outputs in the block).
//   padded: how many inputs there are in `to`; those that `from` lacks are zero, as are outputs up to a multiple of 8
EXPORT(pack_direct) void pack_direct(const float *from, u32 taps, u32 inputs, u32 outputs, u32 padded, float *to) {
  u32 wide = (outputs + 7) / 8 * 8;
  for (u32 first = 0, size; first < wide; first += size) {
    size = block_size(wide, first);
    for (u32 k = 0; k < taps; k++)
      for (u32 i = 0; i < padded; i++)
        for (u32 o = first; o < first + size; o++)
          *to++ = i < inputs && o < outputs ? from[(k * inputs + i) * outputs + o] : 0;
  }
}

typedef struct {
  u32 pixel, row;   // floats from the input of one output pixel to that of the next, and from a row to the next
  u32 rows, length; // of the kernel: rows, and floats of input in each
} Window;

// `count` neighbouring pixels of a block of 4 * `quads` outputs, to (pixel, output).
INLINE void convolve(const float *from, Window window, const float *kernel, const float *bias, float *to, u32 count,
                     u32 quads) {
  vec sums[4][4];
  UNROLL for (u32 p = 0; p < count; p++) UNROLL for (u32 q = 0; q < quads; q++) sums[p][q] = load(bias + 4 * q);
  for (u32 y = 0; y < window.rows; y++) {
    const float *x[4];
    UNROLL for (u32 p = 0; p < count; p++) x[p] = from + p * window.pixel;
    add_products(x, window.length, kernel, sums, count, quads);
    from += window.row;
    kernel += window.length * 4 * quads;
  }
  UNROLL for (u32 p = 0; p < count; p++) UNROLL for (u32 q = 0; q < quads; q++, to += 4) store(to, sums[p][q]);
}

typedef void Convolve(const float *from, Window window, const float *kernel, const float *bias, float *to);
static void convolve_1x16(const float *from, Window window, const float *kernel, const float *bias, float *to) {
  convolve(from, window, kernel, bias, to, 1, 4);
}
static void convolve_2x16(const float *from, Window window, const float *kernel, const float *bias, float *to) {
  convolve(from, window, kernel, bias, to, 2, 4);
}
static void convolve_1x8(const float *from, Window window, const float *kernel, const float *bias, float *to) {
  convolve(from, window, kernel, bias, to, 1, 2);
}
static void convolve_4x8(const float *from, Window window, const float *kernel, const float *bias, float *to) {
  convolve(from, window, kernel, bias, to, 4, 2);
}

// A row of outputs in a block of `size` channels; `at` is where its first pixel goes.
static void write_row(const float *from, Window window, const float *kernel, const float *bias, Sink *sinks, u32 at,
                      u32 width, u32 size) {
  u32 most = size == 16 ? 2 : 4;
  for (u32 x = 0, count; x < width; x += count) {
    float pixels[32];
    count = x + most <= width ? most : 1;
    Convolve *some = size == 16 ? convolve_2x16 : convolve_4x8, *one = size == 16 ? convolve_1x16 : convolve_1x8;
    (count == 1 ? one : some)(from + x * window.pixel, window, kernel, bias, pixels);
    for (u32 p = 0; p < count; p++, at += sinks->right)
      for (u32 c = 0; c < size; c += 4) put(&sinks[c / 4], at, load(pixels + p * size + c));
  }
}

// The rows of output that are computed together, about 16 pixels: a small map would read the whole kernel for every
// row.
static u32 rows_together(u32 height, u32 width) {
  u32 rows = width < 16 ? 16 / width : 1;
  return rows < height ? rows : height;
}

// How many floats of scratch `direct` needs, for an output of so many rows and columns.
EXPORT(direct_scratch) u32 direct_scratch(const Map *in, const Layer *layer, u32 height, u32 width) {
  u32 rows = (rows_together(height, width) - 1) * layer->stride + layer->side;
  return 2 * in->channels + rows * (in->width + 2) * in->channels;
}

// out = the layer of `in`, plus `residual` unless that is null. `residual` may be `out`; `in` may not.
//   height, width: of the layer's own output, which depth to space may enlarge
EXPORT(direct)
void direct(const Map *in, const Map *out, const Map *residual, const Layer *layer, float *scratch, u32 height,
            u32 width) {
  u32 channels = in->channels, pixels = in->width + 2, together = rows_together(height, width);
  float *affine = scratch, *rows = affine + 2 * channels;
  Window window = {layer->stride * channels, pixels * channels, layer->side, layer->side * channels};
  prepare_norm(in, layer, affine);
  clear_sums(out);
  for (u32 top = 0; top < height; top += together) {
    u32 count = together < height - top ? together : height - top;
    s32 first_row = (s32)(top * layer->stride) - (s32)layer->padding;
    read_rows(in, layer, affine, first_row, (count - 1) * layer->stride + layer->side, rows, pixels);
    for (u32 first = 0, size; first < layer->outputs; first += size) {
      size = block_size(layer->outputs, first);
      Sink sinks[4];
      for (u32 c = 0; c < size; c += 4) sinks[c / 4] = sink(out, residual, layer, first + c);
      for (u32 y = 0; y < count; y++) {
        const float *from = rows + y * layer->stride * window.row + (1 - layer->padding) * channels;
        write_row(from, window, layer->kernel + first * layer->side * window.length, layer->bias + first, sinks,
                  (top + y) * sinks->down, width, size);
      }
      for (u32 c = 0; c < size; c += 4) drain(&sinks[c / 4]);
    }
  }
}
