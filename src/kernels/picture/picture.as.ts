// Between 8-bit RGBA and tensors of three channels. A part is a run of pixels.

import { bytes, splat } from '../prelude.as';

/** (v / whole - offset) * scale - mean for each byte v, all rounded one by one; the fourth channel is zero. */
export function pictureToTensor(
  part: i32,
  local: usize,
  picture: usize, // a pixel a word, red in the lowest byte
  y: usize,
  yStride: i32,
  pixels: i32, // of all pictures
  run: i32, // of a part
  bgr: i32,
  whole: f32,
  offset: f32,
  scale: f32,
  mean0: f32, // by channel of the tensor
  mean1: f32,
  mean2: f32,
): void {
  const first = part * run;
  const end = picture + bytes(min(first + run, pixels));
  const step = bytes(yStride);
  // Which byte becomes which channel; 16 is none.
  const order = bgr
    ? i8x16(2, 16, 16, 16, 1, 16, 16, 16, 0, 16, 16, 16, 16, 16, 16, 16)
    : i8x16(0, 16, 16, 16, 1, 16, 16, 16, 2, 16, 16, 16, 16, 16, 16, 16);
  const colours = i32x4(-1, -1, -1, 0);
  const means = f32x4.replace_lane(f32x4.replace_lane(f32x4.replace_lane(splat(0), 0, mean0), 1, mean1), 2, mean2);
  y += <usize>first * step;
  for (let from = picture + bytes(first); from < end; from += 4, y += step) {
    const values = f32x4.convert_i32x4_s(i8x16.swizzle(v128.load32_zero(from), order));
    const shifted = f32x4.sub(f32x4.div(values, splat(whole)), splat(offset));
    v128.store(y, v128.and(f32x4.sub(f32x4.mul(shifted, splat(scale)), means), colours));
  }
}

/** A pixel's bytes in words, half values rounded to even numbers; NaN becomes 0. */
// @ts-ignore: decorator
@inline
function words(x: usize, lowest: v128, offset: v128, scale: v128): v128 {
  const value = f32x4.pmin(splat(1), f32x4.pmax(lowest, v128.load(x)));
  const byte = f32x4.mul(f32x4.mul(f32x4.add(value, offset), scale), splat(255));
  // Adding 2^23 leaves the nearest whole number in the low bits.
  return v128.and(f32x4.add(byte, splat(8388608)), i32x4.splat(255));
}

/** (v + offset) * scale * 255 for each channel from `lowest` to 1, rounded half to even; alpha is 255. The last four pixels are in `local` first. */
export function tensorToPicture(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  pixels: i32, // of all pictures
  run: i32, // of a part, a multiple of 4
  lowest: f32,
  offset: f32,
  scale: f32,
  picture: usize,
): void {
  const first = part * run;
  const end = min(first + run, pixels);
  const step = bytes(xStride);
  const low = splat(lowest);
  const add = splat(offset);
  const factor = splat(scale);
  const alpha = i32x4.splat(0xff000000);
  const colours = i32x4.splat(0xffffff);
  let from = x + <usize>first * step;
  let to = picture + bytes(first);
  for (let pixel = first; pixel < end; pixel += 4, from += 4 * step, to += 16) {
    const p01 = i16x8.narrow_i32x4_u(words(from, low, add, factor), words(from + step, low, add, factor));
    const p23 = i16x8.narrow_i32x4_u(
      words(from + 2 * step, low, add, factor),
      words(from + 3 * step, low, add, factor),
    );
    const four = v128.or(v128.and(i8x16.narrow_i16x8_u(p01, p23), colours), alpha);
    if (pixel + 4 <= end) {
      v128.store(to, four);
    } else {
      v128.store(local, four);
      memory.copy(to, local, bytes(end - pixel));
    }
  }
}
