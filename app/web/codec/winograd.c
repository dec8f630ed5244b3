// Convolutions with 3x3 kernels and stride 1, by Winograd's minimal filtering F(4x4, 3x3): Lavin & Gray 2015, "Fast
// Algorithms for Convolutional Neural Networks", https://arxiv.org/abs/1509.09308, section 4.3.
//
// The output is cut into tiles of 4x4 pixels. A tile Y comes of the 6x6 pixels of input d around it and the kernel g:
//
//   Y = A^T [ (G g G^T) * (B^T d B) ] A         (* by element)
//
//         4  0 -5  0  1  0              1/4    0     0
//         0 -4 -4  1  1  0             -1/6  -1/6  -1/6
//   B^T = 0  4 -4 -1  1  0        G =  -1/6   1/6  -1/6        A^T = 1  1  1  1  1  0
//         0 -2 -1  2  1  0             1/24  1/12   1/6              0  1 -1  2 -2  0
//         0  2 -1 -2  1  0             1/24 -1/12   1/6              0  1  1  4  4  0
//         0  4  0 -5  0  1               0     0     1               0  1 -1  8 -8  1
//
// With many channels, the product by element is 36 products of matrices, (tiles x inputs) by (inputs x outputs): 36
// multiplications for 16 pixels, where the sum over nine taps has 144. The transforms are made of additions. Each is
// done along the columns and then along the rows, over plain arrays: a whole tile has more values than there are
// registers.

#include "codec.h"

enum {
  TILE = 4,
  WINDOW = 6, // pixels of input to a side that a tile comes of
  POINTS = WINDOW * WINDOW,
  GROUP = 16, // tiles that are multiplied at once: their input and output stay in the cache closest to the core
};

// G g G^T for every pair of channels, to blocks of outputs: (block, 36, inputs, outputs in the block).
//   from: (3, 3, inputs, outputs)
//   padded: how many inputs there are in `to`; those that `from` lacks are zero, as are outputs up to a multiple of 8
EXPORT(pack_winograd) void pack_winograd(const float *from, u32 inputs, u32 outputs, u32 padded, float *to) {
  static const float G[WINDOW][3] = {{1 / 4.f, 0, 0},
                                     {-1 / 6.f, -1 / 6.f, -1 / 6.f},
                                     {-1 / 6.f, 1 / 6.f, -1 / 6.f},
                                     {1 / 24.f, 1 / 12.f, 1 / 6.f},
                                     {1 / 24.f, -1 / 12.f, 1 / 6.f},
                                     {0, 0, 1}};
  u32 wide = (outputs + 7) / 8 * 8;
  for (u32 first = 0, size; first < wide; first += size) {
    size = block_size(wide, first);
    float *block = to + first * POINTS * padded;
    for (u32 i = 0; i < padded; i++)
      for (u32 o = 0; o < size; o++) {
        float columns[WINDOW][3]; // G g
        for (u32 y = 0; y < WINDOW; y++)
          for (u32 x = 0; x < 3; x++) {
            columns[y][x] = 0;
            for (u32 k = 0; k < 3 && i < inputs && first + o < outputs; k++)
              columns[y][x] += G[y][k] * from[((k * 3 + x) * inputs + i) * outputs + first + o];
          }
        for (u32 y = 0; y < WINDOW; y++)
          for (u32 x = 0; x < WINDOW; x++) {
            const float *g = G[x], *column = columns[y];
            float value = g[0] * column[0] + g[1] * column[1] + g[2] * column[2];
            block[((y * WINDOW + x) * padded + i) * size + o] = value;
          }
      }
  }
}

// B^T d, of six vectors: `step` floats apart where they are read, `to_step` where they are written.
INLINE void transform_input(const float *from, u32 step, float *to, u32 to_step) {
  vec d[WINDOW], four = splat(4);
  UNROLL for (u32 i = 0; i < WINDOW; i++) d[i] = load(from + i * step);
  vec a = sub(d[4], mul(d[2], four)), b = sub(d[3], mul(d[1], four));
  vec c = sub(d[4], d[2]), e = sub(d[3], d[1]), twice = add(e, e);
  store(to, add(mul(sub(d[0], d[2]), four), c)); // 4 d0 - 5 d2 + d4
  store(to + to_step, add(a, b));
  store(to + 2 * to_step, sub(a, b));
  store(to + 3 * to_step, add(c, twice));
  store(to + 4 * to_step, sub(c, twice));
  store(to + 5 * to_step, sub(sub(d[5], d[3]), mul(e, four))); // 4 d1 - 5 d3 + d5
}

// A^T m, of six vectors that are `step` floats apart.
INLINE void transform_output(const float *from, u32 step, vec to[TILE]) {
  vec m[WINDOW], four = splat(4);
  UNROLL for (u32 i = 0; i < WINDOW; i++) m[i] = load(from + i * step);
  vec a = add(m[1], m[2]), b = sub(m[1], m[2]), c = add(m[3], m[4]), d = sub(m[3], m[4]), twice = add(d, d);
  to[0] = add(m[0], add(a, c));
  to[1] = add(b, twice);
  to[2] = add(a, mul(c, four));
  to[3] = add(add(b, mul(twice, four)), m[5]);
}

// Six rows, to six rows of the same length: B^T d for all tiles of a line, and once where they overlap.
static void transform_columns(const float *rows, u32 length, float *to) {
  for (u32 i = 0; i < length; i += 4) transform_input(rows + i, length, to + i, length);
}

// The other half, (B^T d) B, of one row of one tile.
static void transform_row(const float *row, u32 channels, float *to, u32 step) {
  for (u32 c = 0; c < channels; c += 4) transform_input(row + c, channels, to + c, step);
}

INLINE void multiply(const float *inputs, u32 tiles, u32 channels, const float *weights, float *to, u32 count,
                     u32 quads) {
  for (u32 t = 0; t < tiles; t += count) {
    const float *x[4];
    vec sums[4][4];
    UNROLL for (u32 p = 0; p < count; p++) x[p] = inputs + (t + p) * channels;
    UNROLL for (u32 p = 0; p < count; p++) UNROLL for (u32 q = 0; q < quads; q++) sums[p][q] = splat(0);
    add_products(x, channels, weights, sums, count, quads);
    UNROLL for (u32 p = 0; p < count; p++)
      UNROLL for (u32 q = 0; q < quads; q++, to += 4) store(to, sums[p][q]);
  }
}

// One of the 36 products of matrices: (tiles, channels) by (channels, a block of outputs). Each is a function of its
// own, called often: V8 replaces its first, slow code for a function at the next call.
static void multiply_16(const float *inputs, u32 tiles, u32 channels, const float *weights, float *to) {
  multiply(inputs, tiles, channels, weights, to, 2, 4);
}
static void multiply_8(const float *inputs, u32 tiles, u32 channels, const float *weights, float *to) {
  multiply(inputs, tiles, channels, weights, to, 4, 2);
}

// A^T m in place, for the columns of all tiles of a group: (6, 6, size) to (4, 6, size).
static void transform_product_columns(float *products, u32 size) {
  u32 row = WINDOW * size;
  for (u32 i = 0; i < row; i += 4) {
    vec column[TILE];
    transform_output(products + i, row, column);
    UNROLL for (u32 y = 0; y < TILE; y++) store(products + y * row + i, column[y]);
  }
}

// (A^T m) A of one tile and four channels, to the output, as far as the tile lies inside of it.
static void write_tile(const float *products, u32 size, vec bias, Sink *sink, u32 at, u32 height, u32 width) {
  for (u32 y = 0; y < height; y++, at += sink->down) {
    vec row[TILE];
    transform_output(products + y * WINDOW * size, size, row);
    UNROLL for (u32 x = 0; x < TILE; x++) if (x < width) put(sink, at + x * sink->right, add(row[x], bias));
  }
}

// A layer at work. Lines of tiles are taken together until they make a group, and a long line is several groups.
typedef struct {
  const Map *in, *out, *residual;
  const Layer *layer;
  u32 across, down; // tiles
  u32 lines;        // of tiles, taken together
  u32 pixels, row;  // pixels, and floats, of a row of input with the zeros around it
  float *affine;    // of the GroupNorm
  float *rows;      // six rows of input
  float *columns;   // the same with its columns transformed, for each of the lines: (line, 6, row)
  float *inputs;    // of a group, transformed: (36, tiles, channels)
  float *products;  // of a group and a block of outputs: (36, tiles, outputs)
} Work;

typedef struct {
  u32 first, count; // of the tiles of these lines
  u32 tiles;        // `count`, rounded up to what `multiply` takes at once; what comes of those beyond is not read
} Group;

static u32 least(u32 a, u32 b) { return a < b ? a : b; }

// Cuts the map up, and says where in `scratch` everything lies. Returns how many floats that takes.
static u32 lay_out(Work *work, const Map *in, float *scratch) {
  work->in = in;
  work->across = (in->width + TILE - 1) / TILE;
  work->down = (in->height + TILE - 1) / TILE;
  work->lines = work->across < GROUP ? least(GROUP / work->across, work->down) : 1;
  work->pixels = TILE * work->across + WINDOW - TILE;
  work->row = work->pixels * in->channels;
  work->affine = scratch;
  work->rows = work->affine + 2 * in->channels;
  work->columns = work->rows + WINDOW * work->row;
  work->inputs = work->columns + work->lines * WINDOW * work->row;
  work->products = work->inputs + POINTS * GROUP * in->channels;
  return (u32)(work->products + POINTS * GROUP * 16 - scratch);
}

// Line `line` of tiles, to the columns of line `slot`.
static void read_line(const Work *work, u32 line, u32 slot) {
  u32 row = work->row, kept = line ? WINDOW - TILE : 0; // the rows that it shares with the line before
  if (kept) __builtin_memcpy(work->rows, work->rows + TILE * row, kept * row * sizeof(float));
  s32 first = (s32)(TILE * line + kept) - 1;
  read_rows(work->in, work->layer, work->affine, first, WINDOW - kept, work->rows + kept * row, work->pixels);
  transform_columns(work->rows, row, work->columns + slot * WINDOW * row);
}

static void gather_group(const Work *work, Group group) {
  u32 channels = work->in->channels;
  for (u32 t = 0; t < group.count; t++) {
    u32 line = (group.first + t) / work->across, left = (group.first + t) % work->across * TILE;
    for (u32 y = 0; y < WINDOW; y++) {
      const float *row = work->columns + (line * WINDOW + y) * work->row + left * channels;
      transform_row(row, channels, work->inputs + (y * WINDOW * group.tiles + t) * channels, group.tiles * channels);
    }
  }
}

static void multiply_group(const Work *work, Group group, u32 first, u32 size) {
  u32 channels = work->in->channels, tiles = group.tiles;
  const float *inputs = work->inputs, *kernel = work->layer->kernel + first * POINTS * channels;
  float *to = work->products;
  for (u32 k = 0; k < POINTS; k++) {
    (size == 16 ? multiply_16 : multiply_8)(inputs, tiles, channels, kernel, to);
    inputs += tiles * channels;
    kernel += channels * size;
    to += tiles * size;
  }
}

static void write_group(const Work *work, Group group, u32 top, u32 first, u32 size) {
  u32 step = group.tiles * size;
  transform_product_columns(work->products, step);
  for (u32 c = 0; c < size; c += 4) {
    Sink to = sink(work->out, work->residual, work->layer, first + c);
    vec bias = load(work->layer->bias + first + c);
    for (u32 t = 0; t < group.count; t++) {
      u32 y = (top + (group.first + t) / work->across) * TILE, x = (group.first + t) % work->across * TILE;
      u32 height = least(TILE, work->in->height - y), width = least(TILE, work->in->width - x);
      write_tile(work->products + t * size + c, step, bias, &to, y * to.down + x * to.right, height, width);
    }
    drain(&to);
  }
}

// How many floats of scratch `winograd` needs.
EXPORT(winograd_scratch) u32 winograd_scratch(const Map *in) {
  Work work;
  return lay_out(&work, in, 0);
}

// out = the layer of `in`, plus `residual` unless that is null. `residual` may be `out`; `in` may not.
EXPORT(winograd)
void winograd(const Map *in, const Map *out, const Map *residual, const Layer *layer, float *scratch) {
  Work work = {.out = out, .residual = residual, .layer = layer};
  lay_out(&work, in, scratch);
  prepare_norm(in, layer, work.affine);
  clear_sums(out);
  for (u32 top = 0; top < work.down; top += work.lines) {
    u32 lines = least(work.lines, work.down - top), tiles = lines * work.across;
    for (u32 line = 0; line < lines; line++) read_line(&work, top + line, line);
    for (u32 t = 0; t < tiles; t += GROUP) {
      Group group = {.first = t, .count = least(GROUP, tiles - t)};
      group.tiles = (group.count + 3) / 4 * 4;
      gather_group(&work, group);
      for (u32 first = 0, size; first < layer->outputs; first += size) {
        size = block_size(layer->outputs, first);
        multiply_group(&work, group, first, size);
        write_group(&work, group, top, first, size);
      }
    }
  }
}
