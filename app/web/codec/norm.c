// GroupNorm (Wu & He 2018) and SiLU, applied while a map is read.

#include "codec.h"

enum { GROUPS = 8 };
#define EPSILON 1e-6

// GroupNorm as a factor for each channel, then a term for each: the sums were added up when the map was written.
void prepare_norm(const Map *in, const Layer *layer, float *affine) {
  if (!layer->gamma) return;
  u32 channels = in->channels, size = channels / GROUPS;
  double count = (double)in->height * in->width * size;
  for (u32 first = 0; first < channels; first += size) {
    double sum = 0, square = 0;
    for (u32 c = first; c < first + size; c++) {
      sum += in->sums[c];
      square += in->sums[channels + c];
    }
    double mean = sum / count, variance = square / count - mean * mean;
    double scale = 1 / __builtin_sqrt((variance > 0 ? variance : 0) + EPSILON);
    for (u32 c = first; c < first + size; c++) {
      affine[c] = layer->gamma[c] * scale;
      affine[channels + c] = layer->beta[c] - mean * affine[c];
    }
  }
}

// Constants of 1 + e^-x. They are read from memory each time: V8 needs three instructions to make a vector of one out
// of nothing, and would do so in the middle of the loop. POLYNOMIAL is 2^r for r in [-1/2, 1/2], the highest power
// first, fitted for the least relative error (8e-8).
static const float CONSTANTS[] = {-1.44269504f,    126,
                                  -126,            12582912,
                                  1.327647178e-3f, 9.675541333e-3f,
                                  5.550713274e-2f, 2.402211972e-1f,
                                  6.931469671e-1f, 1.000000072f,
                                  1};
enum { MINUS_LOG2E, MOST, LEAST, MAGIC, POLYNOMIAL, ONE = 10 };

// Hidden from the compiler, which would put the values back into the code.
INLINE const float *constants(void) {
  const float *at = CONSTANTS;
  __asm__("" : "+r"(at));
  return at;
}

// 1 + e^-x = 1 + 2^n * 2^r with n whole. Adding 1.5 * 2^23 leaves n in a float's lowest bits, from where it is shifted
// into the exponent of 2^r.
INLINE vec one_plus_exp_minus(vec x, const float *constant) {
  vec power = mul(x, load_splat(constant + MINUS_LOG2E));
  power = wasm_f32x4_pmax(wasm_f32x4_pmin(power, load_splat(constant + MOST)), load_splat(constant + LEAST));
  vec magic = load_splat(constant + MAGIC), whole = add(power, magic), r = sub(power, sub(whole, magic));
  vec exp2 = load_splat(constant + POLYNOMIAL);
  UNROLL for (u32 i = 1; i < 6; i++) exp2 = multiply_add(exp2, r, load_splat(constant + POLYNOMIAL + i));
  return add(load_splat(constant + ONE), wasm_i32x4_add(exp2, wasm_i32x4_shl(whole, 23)));
}

vec sigmoid(vec x) {
  const float *constant = constants();
  return divide(load_splat(constant + ONE), one_plus_exp_minus(x, constant));
}

static void normalise(const float *from, const float *affine, u32 channels, u32 pixels, float *to) {
  const float *constant = constants();
  for (u32 i = 0; i < pixels; i++)
    for (u32 c = 0; c < channels; c += 4, from += 4, to += 4) {
      vec x = multiply_add(load(from), load(affine + c), load(affine + channels + c));
      store(to, divide(x, one_plus_exp_minus(x, constant)));
    }
}

// Rows `first` to `first + count` of a map as a layer reads them: normalised, with one zero pixel to their left, and
// zeros to their right until they are `pixels` long. Rows outside of the map are zero.
void read_rows(const Map *in, const Layer *layer, const float *affine, s32 first, u32 count, float *to, u32 pixels) {
  u32 channels = in->channels, row = in->width * channels;
  for (u32 i = 0; i < count; i++, to += pixels * channels) {
    s32 y = first + (s32)i;
    if (y < 0 || y >= (s32)in->height) {
      __builtin_memset(to, 0, pixels * channels * sizeof(float));
      continue;
    }
    const float *from = in->data + (u32)y * row;
    __builtin_memset(to, 0, channels * sizeof(float));
    if (layer->gamma) normalise(from, affine, channels, in->width, to + channels);
    else __builtin_memcpy(to + channels, from, row * sizeof(float));
    __builtin_memset(to + channels + row, 0, (pixels - 1 - in->width) * channels * sizeof(float));
  }
}
