// Affine warp of 8-bit RGBA in integers, see warp-affine.wgsl. A part is some rows of the target.

import { bytes } from '../prelude.as';
import { load4, neighbours, pixelOf, pixelsOf, store4, twoPixels, word } from '../pixels.as';
import { allInside, fractionBits, gridPosition, wholePixel } from './positions.as';

/**
 * @param local four places and the pixels around them
 * @param columns, rows (x, y) in the source for each column and each row of the target, to be added up
 * @param shifts (x, y) of each sample
 */
export function warpAffine(
  part: i32,
  local: usize,
  x: usize,
  xWidth: i32,
  xHeight: i32,
  columns: usize,
  rows: usize,
  shifts: usize,
  y: usize,
  width: i32,
  height: i32,
  each: i32, // rows of a part
  left: i32, // place of the source in its picture
  top: i32,
  compat: i32,
  samples: i32, // of each pixel, 1 or 4
  border: i32, // a pixel
  wholeWidth: i32, // of the picture where it is mirrored, else 0
  wholeHeight: i32,
): void {
  const bits = fractionBits(compat);
  const one = 1 << bits;
  const fraction = word(one - 1);
  const shift = 2 * bits + (samples > 1 ? 2 : 0);
  const half = word(1 << (shift - 1));
  const line = bytes(xWidth);
  // Four positions at a time: of the samples of a pixel, or of pixels.
  const step = samples > 1 ? 1 : 4;
  const shift0 = v128.load64_splat(shifts);
  const shift1 = samples > 1 ? v128.load64_lane(shifts + 8, shift0, 1) : shift0;
  const shift2 = samples > 1 ? v128.load(shifts, 16) : shift0;
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const centre = v128.load64_splat(rows + <usize>row * 8);
    for (let i = 0; i < width; i += step) {
      const own = columns + <usize>i * 8;
      const count = width - i;
      const first = samples > 1 ? v128.load64_splat(own) : load4(own, 2 * count);
      const second = samples == 1 && count > 2 ? load4(own + 16, 2 * count - 4) : first;
      const low = i32x4.add(i32x4.add(centre, first), shift1);
      const high = i32x4.add(i32x4.add(centre, second), shift2);
      const gridX = gridPosition(v128.shuffle<i32>(low, high, 0, 2, 4, 6), compat);
      const gridY = gridPosition(v128.shuffle<i32>(low, high, 1, 3, 5, 7), compat);
      const placeX = i32x4.sub(wholePixel(gridX, compat), word(left));
      const placeY = i32x4.sub(wholePixel(gridY, compat), word(top));
      const fractionX = v128.and(gridX, fraction);
      const across = v128.or(i32x4.sub(word(one), fractionX), i32x4.shl(fractionX, 16));
      const down = v128.and(gridY, fraction);
      const up = i32x4.sub(word(one), down);
      let upper0: v128;
      let upper1: v128;
      let upper2: v128;
      let upper3: v128;
      let lower0: v128;
      let lower1: v128;
      let lower2: v128;
      let lower3: v128;
      if (allInside(placeX, placeY, xWidth, xHeight)) {
        const at = i32x4.shl(i32x4.add(i32x4.mul(placeY, word(xWidth)), placeX), 2);
        const at0 = x + i32x4.extract_lane(at, 0);
        const at1 = x + i32x4.extract_lane(at, 1);
        const at2 = x + i32x4.extract_lane(at, 2);
        const at3 = x + i32x4.extract_lane(at, 3);
        upper0 = v128.load64_zero(at0);
        upper1 = v128.load64_zero(at1);
        upper2 = v128.load64_zero(at2);
        upper3 = v128.load64_zero(at3);
        lower0 = v128.load64_zero(at0 + line);
        lower1 = v128.load64_zero(at1 + line);
        lower2 = v128.load64_zero(at2 + line);
        lower3 = v128.load64_zero(at3 + line);
      } else {
        v128.store(local, placeX);
        v128.store(local, placeY, 16);
        for (let k: usize = 0; k < 16; k += 4) {
          const column = load<i32>(local + k);
          const line = load<i32>(local + k, 16);
          const to = local + 32 + 2 * k;
          if (wholeWidth > 0) {
            const near = mirrored(column + left, wholeWidth, left, xWidth);
            const far = mirrored(column + 1 + left, wholeWidth, left, xWidth);
            const above = mirrored(line + top, wholeHeight, top, xHeight) * xWidth;
            const below = mirrored(line + 1 + top, wholeHeight, top, xHeight) * xWidth;
            v128.store64_lane(to, twoPixels(x + bytes(above + near), x + bytes(above + far)), 0);
            v128.store64_lane(to, twoPixels(x + bytes(below + near), x + bytes(below + far)), 0, 32);
          } else {
            v128.store64_lane(to, borderedPair(x, xWidth, xHeight, column, line, border), 0);
            v128.store64_lane(to, borderedPair(x, xWidth, xHeight, column, line + 1, border), 0, 32);
          }
        }
        upper0 = v128.load64_zero(local, 32);
        upper1 = v128.load64_zero(local, 40);
        upper2 = v128.load64_zero(local, 48);
        upper3 = v128.load64_zero(local, 56);
        lower0 = v128.load64_zero(local, 64);
        lower1 = v128.load64_zero(local, 72);
        lower2 = v128.load64_zero(local, 80);
        lower3 = v128.load64_zero(local, 88);
      }
      const sum0 = mixed(upper0, lower0, lane0(across), lane0(up), lane0(down));
      const sum1 = mixed(upper1, lower1, lane1(across), lane1(up), lane1(down));
      const sum2 = mixed(upper2, lower2, lane2(across), lane2(up), lane2(down));
      const sum3 = mixed(upper3, lower3, lane3(across), lane3(up), lane3(down));
      const to = y + bytes(row * width + i);
      if (samples > 1) {
        const sum = i32x4.add(i32x4.add(sum0, sum1), i32x4.add(sum2, sum3));
        store<i32>(to, pixelOf(i32x4.shr_u(i32x4.add(sum, half), shift)));
      } else {
        const pixels = pixelsOf(
          i32x4.shr_u(i32x4.add(sum0, half), shift),
          i32x4.shr_u(i32x4.add(sum1, half), shift),
          i32x4.shr_u(i32x4.add(sum2, half), shift),
          i32x4.shr_u(i32x4.add(sum3, half), shift),
        );
        store4(to, pixels, count);
      }
    }
  }
}

/** Four pixels, two and those below them, by weights that sum to 4^bits. */
// @ts-ignore: decorator
@inline
function mixed(upper: v128, lower: v128, across: v128, up: v128, down: v128): v128 {
  const above = i32x4.mul(i32x4.dot_i16x8_s(neighbours(upper), across), up);
  return i32x4.add(above, i32x4.mul(i32x4.dot_i16x8_s(neighbours(lower), across), down));
}

// @ts-ignore: decorator
@inline
function lane0(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 0, 0, 0, 0);
}

// @ts-ignore: decorator
@inline
function lane1(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 1, 1, 1, 1);
}

// @ts-ignore: decorator
@inline
function lane2(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 2, 2, 2, 2);
}

// @ts-ignore: decorator
@inline
function lane3(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 3, 3, 3, 3);
}

/** Two neighbours in a row that may lie outside of the source. */
function borderedPair(x: usize, width: i32, height: i32, column: i32, row: i32, border: i32): v128 {
  let first = border;
  let second = border;
  if (<u32>row < <u32>height) {
    const line = x + bytes(row * width);
    if (<u32>column < <u32>width) first = load<i32>(line + bytes(column));
    if (<u32>(column + 1) < <u32>width) second = load<i32>(line + bytes(column + 1));
  }
  return i32x4.replace_lane(i32x4.splat(first), 1, second);
}

/** Where a place on an axis that goes on mirrored lies in the source, which begins at `origin`. */
function mirrored(place: i32, whole: i32, origin: i32, count: i32): i32 {
  const period = 2 * whole;
  const turn = (place % period + period) % period;
  const inside = turn >= whole ? period - 1 - turn : turn;
  return max(0, min(inside - origin, count - 1));
}
