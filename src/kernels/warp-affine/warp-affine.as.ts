// Affine warp of 8-bit RGBA in integers, see warp-affine.wgsl. A part is some rows of the target.

import { bytes } from '../prelude.as';
import { neighbours, pair, pixelOf, twoPixels, word } from '../pixels.as';
import { fractionBits, gridPosition, wholePixel } from './positions.as';

/**
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
  samples: i32, // of each pixel
  border: i32, // a pixel
  wholeWidth: i32, // of the picture where it is mirrored, else 0
  wholeHeight: i32,
): void {
  const bits = fractionBits(compat);
  const one = 1 << bits;
  const shift = 2 * bits + (samples > 1 ? 2 : 0);
  const half = word(1 << (shift - 1));
  const line = bytes(xWidth);
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const rowX = load<i32>(rows + <usize>row * 8);
    const rowY = load<i32>(rows + <usize>row * 8, 4);
    let column = columns;
    let to = y + bytes(row * width);
    for (let i = 0; i < width; i++, column += 8, to += 4) {
      let sum = half;
      for (let k = 0, own = shifts; k < samples; k++, own += 8) {
        const gridX = gridPosition(rowX + load<i32>(column) + load<i32>(own), compat);
        const gridY = gridPosition(rowY + load<i32>(column, 4) + load<i32>(own, 4), compat);
        const placeX = wholePixel(gridX, compat) - left;
        const placeY = wholePixel(gridY, compat) - top;
        let upper: v128;
        let lower: v128;
        if (<u32>placeX < <u32>(xWidth - 1) && <u32>placeY < <u32>(xHeight - 1)) {
          const at = x + bytes(placeY * xWidth + placeX);
          upper = v128.load64_zero(at);
          lower = v128.load64_zero(at + line);
        } else if (wholeWidth > 0) {
          const near = bytes(mirrored(placeX + left, wholeWidth, left, xWidth));
          const far = bytes(mirrored(placeX + 1 + left, wholeWidth, left, xWidth));
          const above = x + <usize>mirrored(placeY + top, wholeHeight, top, xHeight) * line;
          const below = x + <usize>mirrored(placeY + 1 + top, wholeHeight, top, xHeight) * line;
          upper = twoPixels(above + near, above + far);
          lower = twoPixels(below + near, below + far);
        } else {
          upper = borderedPair(x, xWidth, xHeight, placeX, placeY, border);
          lower = borderedPair(x, xWidth, xHeight, placeX, placeY + 1, border);
        }
        const fractionX = gridX & (one - 1);
        const fractionY = gridY & (one - 1);
        const across = pair(one - fractionX, fractionX);
        const above = i32x4.mul(i32x4.dot_i16x8_s(neighbours(upper), across), word(one - fractionY));
        const below = i32x4.mul(i32x4.dot_i16x8_s(neighbours(lower), across), word(fractionY));
        sum = i32x4.add(sum, i32x4.add(above, below));
      }
      store<i32>(to, pixelOf(i32x4.shr_u(sum, shift)));
    }
  }
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
