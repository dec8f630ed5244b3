// Numbers into and out of the network: weights as they are stored, and pictures.

#include "codec.h"

// float16 to float32. The product corrects the exponent, also that of subnormal numbers. Infinities and NaNs stay what
// they are, for all_finite to find.
EXPORT(widen) void widen(const u16 *from, u32 count, float *to) {
  for (u32 i = 0; i < count; i++) {
    u32 sign = (from[i] & 0x8000u) << 16, bits = (from[i] & 0x7fffu) << 13;
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    value *= 0x1p112f;
    __builtin_memcpy(&bits, &value, sizeof value);
    if ((from[i] & 0x7c00) == 0x7c00) bits |= 0x7f800000;
    bits |= sign;
    __builtin_memcpy(to + i, &bits, sizeof bits);
  }
}

EXPORT(all_finite) u32 all_finite(const u32 *bits, u32 count) {
  u32 wrong = 0;
  for (u32 i = 0; i < count; i++) wrong |= (bits[i] & 0x7f800000) == 0x7f800000;
  return !wrong;
}

// The network's last map to colours in [0, 1], as (height, width, 3) floats and as bytes with an opaque alpha.
//   spread: the map has four pixels in the channels of one, colour by colour, as depth to space takes them
EXPORT(to_pixels) void to_pixels(const Map *in, u32 spread, float *rgb, u8 *rgba) {
  u32 scale = spread ? 2 : 1, width = in->width * scale;
  const float *from = in->data;
  for (u32 y = 0; y < in->height; y++)
    for (u32 x = 0; x < in->width; x++, from += in->channels) {
      float colours[16];
      for (u32 c = 0; c < in->channels; c += 4) store(colours + c, sigmoid(load(from + c)));
      for (u32 phase = 0; phase < scale * scale; phase++) {
        u32 at = (scale * y + phase / 2) * width + scale * x + phase % 2;
        for (u32 c = 0; c < 3; c++) {
          float colour = colours[3 * phase + c];
          rgb[3 * at + c] = colour;
          rgba[4 * at + c] = (u8)(colour * 255 + 0.5f);
        }
        rgba[4 * at + 3] = 255;
      }
    }
}
