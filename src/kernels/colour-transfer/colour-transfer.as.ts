// A picture in grey with the mean and contrast of another, see colour-transfer.wgsl. A part is some pixels.

import { bytes, madd, splat } from '../prelude.as';
import { floatChannelOf, load4, store4 } from '../pixels.as';

export function colourTransfer(
  part: i32,
  local: usize,
  x: usize,
  curve: usize, // [3, 256], or 0
  y: usize,
  pixels: i32,
  red: f32, // factors
  green: f32,
  blue: f32,
  redShift: f32,
  greenShift: f32,
  blueShift: f32,
  each: i32, // of a part, a multiple of 4
): void {
  const plane = bytes(pixels);
  const end = min(part * each + each, pixels);
  for (let i = part * each; i < end; i += 4) {
    const count = end - i;
    const four = load4(x + bytes(i), count);
    let grey = f32x4.mul(floatChannelOf(four, 0), splat(0.2989));
    grey = madd(floatChannelOf(four, 8), splat(0.587), grey);
    grey = madd(floatChannelOf(four, 16), splat(0.114), grey);
    const to = y + bytes(i);
    const level = inRange(madd(grey, splat(red), splat(redShift)));
    if (!curve) {
      store4(to, level, count);
      store4(to + plane, inRange(madd(grey, splat(green), splat(greenShift))), count);
      store4(to + 2 * plane, inRange(madd(grey, splat(blue), splat(blueShift))), count);
      continue;
    }
    const low = i32x4.min_s(i32x4.trunc_sat_f32x4_s(level), i32x4.splat(254));
    const share = f32x4.sub(level, f32x4.convert_i32x4_s(low));
    const places = i32x4.shl(low, 2);
    for (let c: usize = 0; c < 3; c++) {
      const own = curve + 1024 * c;
      const first = v128.load64_zero(own + i32x4.extract_lane(places, 0));
      const second = v128.load64_zero(own + i32x4.extract_lane(places, 1));
      const third = v128.load64_zero(own + i32x4.extract_lane(places, 2));
      const fourth = v128.load64_zero(own + i32x4.extract_lane(places, 3));
      const one = v128.shuffle<f32>(first, second, 0, 4, 1, 5);
      const two = v128.shuffle<f32>(third, fourth, 0, 4, 1, 5);
      const dark = v128.shuffle<f32>(one, two, 0, 1, 4, 5);
      const bright = v128.shuffle<f32>(one, two, 2, 3, 6, 7);
      store4(to + c * plane, madd(share, f32x4.sub(bright, dark), dark), count);
    }
  }
}

// @ts-ignore: decorator
@inline
function inRange(level: v128): v128 {
  return f32x4.pmin(f32x4.pmax(level, splat(0)), splat(255));
}
