// The pyramid that continues colours into transparent parts, in integers; see pull.wgsl and push.wgsl. A part is some rows of y.

import { bytes } from '../prelude.as';
import { floatLevels, levels, pixelOf, premultiplied, withAlpha, word } from '../pixels.as';

export function pullColours(
  part: i32,
  local: usize,
  x: usize,
  xWidth: i32,
  xHeight: i32,
  y: usize,
  width: i32,
  height: i32,
  each: i32, // rows of a part
): void {
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const upper = x + bytes(2 * row * xWidth);
    const lower = 2 * row + 1 < xHeight ? upper + bytes(xWidth) : 0;
    const to = y + bytes(row * width);
    for (let i = 0; i < width; i++) {
      const at = bytes(2 * i);
      const two = 2 * i + 1 < xWidth;
      // Whole numbers below 2^18, exact.
      let sum = premultiplied(floatLevels(upper + at));
      if (two) sum = f32x4.add(sum, premultiplied(floatLevels(upper + at + 4)));
      if (lower) {
        sum = f32x4.add(sum, premultiplied(floatLevels(lower + at)));
        if (two) sum = f32x4.add(sum, premultiplied(floatLevels(lower + at + 4)));
      }
      const alpha = v128.shuffle<f32>(sum, sum, 3, 3, 3, 3);
      const half = f32x4.floor(f32x4.mul(alpha, f32x4.splat(0.5)));
      // Quotients of whole numbers differ from the next one by 1/1020 or more, which rounding does not bridge.
      const colour = f32x4.div(f32x4.add(sum, half), f32x4.pmax(alpha, f32x4.splat(1)));
      const pixel = withAlpha(i32x4.trunc_sat_f32x4_s(colour), i32x4.trunc_sat_f32x4_s(alpha));
      store<i32>(to + bytes(i), pixelOf(pixel));
    }
  }
}

/** @param columns, rows places in the smaller picture, in 1/256 of its pixels, for each column and each row of y */
export function pushColours(
  part: i32,
  local: usize, // a row of the smaller picture between two of its rows
  x: usize,
  coarse: usize,
  coarseWidth: i32,
  coarseHeight: i32,
  columns: usize,
  rows: usize,
  y: usize,
  width: i32,
  height: i32,
  each: i32, // rows of a part
): void {
  const last = coarseWidth - 1;
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const place = load<i32>(rows + bytes(row));
    const above = coarse + bytes(max(0, min(place >> 8, coarseHeight - 1)) * coarseWidth);
    const below = coarse + bytes(max(0, min((place >> 8) + 1, coarseHeight - 1)) * coarseWidth);
    const down = word(place & 255);
    const up = word(256 - (place & 255));
    const begin = max(0, min(load<i32>(columns) >> 8, last));
    const stop = max(0, min((load<i32>(columns + bytes(width - 1)) >> 8) + 1, last));
    for (let i = begin; i <= stop; i++) {
      const upper = i32x4.mul(levels(v128.load32_zero(above + bytes(i))), up);
      const lower = i32x4.mul(levels(v128.load32_zero(below + bytes(i))), down);
      v128.store(local + <usize>i * 16, i32x4.add(upper, lower));
    }
    const from = x + bytes(row * width);
    const to = y + bytes(row * width);
    for (let i = 0; i < width; i++) {
      const own = load<i32>(columns + bytes(i));
      const near = v128.load(local + <usize>max(0, min(own >> 8, last)) * 16);
      const far = v128.load(local + <usize>max(0, min((own >> 8) + 1, last)) * 16);
      const across = own & 255;
      // In 1/2^16 of a level.
      const under = i32x4.add(i32x4.mul(near, word(256 - across)), i32x4.mul(far, word(across)));
      let pixel = load<i32>(from + bytes(i));
      if (i32x4.extract_lane(under, 3)) {
        const over = i32x4.shl(levels(word(pixel)), 16);
        const weight = min(8 * (pixel >>> 24), 255);
        // Below 2^32; what is dropped before the division by 255 does not change it.
        let sum = i32x4.add(i32x4.mul(under, word(255 - weight)), i32x4.mul(over, word(weight)));
        sum = i32x4.shr_u(i32x4.add(sum, word(127 << 16)), 16);
        // x / 255 for 16 bits.
        const colour = i32x4.shr_u(i32x4.mul(sum, word(32897)), 23);
        pixel = pixelOf(withAlpha(colour, word(255)));
      }
      store<i32>(to + bytes(i), pixel);
    }
  }
}
