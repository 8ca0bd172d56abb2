// Bilinear resize of 8-bit RGBA in fixed point, see resize-linear.wgsl. A part is some rows of y; rows of x that are resized along
// themselves are kept for the rows of y that follow.

import { bytes, madd, roundUp, splat } from '../prelude.as';
import {
  floatLevels,
  neighbours,
  pair,
  pixelOf,
  pixelsOf,
  premultiplied,
  rounded,
  store4,
  twoPixels,
  withAlpha,
} from '../pixels.as';

/** @param columns, rows (first, second, weight of the first, of the second) for each column and each row of y */
export function resizeLinear(
  part: i32,
  local: usize,
  x: usize,
  xWidth: i32,
  columns: usize,
  rows: usize,
  y: usize,
  width: i32,
  height: i32,
  each: i32, // rows of a part
  colours: i32, // whether colours are weighed by their alpha
): void {
  let above = local;
  let below = local + <usize>roundUp(width, 4) * 8;
  let aboveRow = -1;
  let belowRow = -1;
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const tap = rows + <usize>row * 16;
    const first = load<i32>(tap);
    const second = load<i32>(tap, 4);
    if (first == belowRow) {
      const swap = above;
      above = below;
      below = swap;
      belowRow = aboveRow;
      aboveRow = first;
    }
    const upper = x + bytes(first * xWidth);
    const lower = x + bytes(second * xWidth);
    if (first != aboveRow) acrossRow(upper, columns, above, width);
    if (second != belowRow) acrossRow(lower, columns, below, width);
    aboveRow = first;
    belowRow = second;
    const to = y + bytes(row * width);
    mixRows(above, below, load<i32>(tap, 8), load<i32>(tap, 12), to, width);
    if (colours) seenColours(upper, lower, load<i32>(tap, 8), load<i32>(tap, 12), columns, to, width);
  }
}

/** A row of x with the columns of y: four channels of i16, at most 255 << 7. */
function acrossRow(line: usize, columns: usize, to: usize, width: i32): void {
  for (let i = 0; i < width; i++, columns += 16, to += 8) {
    const two = twoPixels(line + bytes(load<i32>(columns)), line + bytes(load<i32>(columns, 4)));
    const weights = pair(load<i32>(columns, 8), load<i32>(columns, 12));
    const sum = i32x4.shr_u(i32x4.dot_i16x8_s(neighbours(two), weights), 4);
    v128.store64_lane(to, i16x8.narrow_i32x4_s(sum, sum), 0);
  }
}

function mixRows(above: usize, below: usize, upperWeight: i32, lowerWeight: i32, to: usize, width: i32): void {
  const upper = i16x8.splat(<i16>upperWeight);
  const lower = i16x8.splat(<i16>lowerWeight);
  for (let i = 0; i < width; i += 4, above += 32, below += 32, to += 16) {
    const a = v128.load(above);
    const b = v128.load(below);
    const c = v128.load(above, 16);
    const d = v128.load(below, 16);
    const pixels = pixelsOf(
      mixed(i32x4.extmul_low_i16x8_s(a, upper), i32x4.extmul_low_i16x8_s(b, lower)),
      mixed(i32x4.extmul_high_i16x8_s(a, upper), i32x4.extmul_high_i16x8_s(b, lower)),
      mixed(i32x4.extmul_low_i16x8_s(c, upper), i32x4.extmul_low_i16x8_s(d, lower)),
      mixed(i32x4.extmul_high_i16x8_s(c, upper), i32x4.extmul_high_i16x8_s(d, lower)),
    );
    store4(to, pixels, width - i);
  }
}

// @ts-ignore: decorator
@inline
function mixed(above: v128, below: v128): v128 {
  const sum = i32x4.add(i32x4.shr_u(above, 16), i32x4.shr_u(below, 16));
  return i32x4.shr_u(i32x4.add(sum, i32x4.splat(2)), 2);
}

/** Puts the four pixels' colours, each as much as its alpha and place say, under the alphas that are there. */
function seenColours(
  upper: usize,
  lower: usize,
  upperWeight: i32,
  lowerWeight: i32,
  columns: usize,
  to: usize,
  width: i32,
): void {
  for (let i = 0; i < width; i++, columns += 16, to += 4) {
    const left = bytes(load<i32>(columns));
    const right = bytes(load<i32>(columns, 4));
    const leftWeight = load<i32>(columns, 8);
    const rightWeight = load<i32>(columns, 12);
    let sum = f32x4.mul(premultiplied(floatLevels(upper + left)), splat(<f32>(upperWeight * leftWeight)));
    sum = madd(premultiplied(floatLevels(upper + right)), splat(<f32>(upperWeight * rightWeight)), sum);
    sum = madd(premultiplied(floatLevels(lower + left)), splat(<f32>(lowerWeight * leftWeight)), sum);
    sum = madd(premultiplied(floatLevels(lower + right)), splat(<f32>(lowerWeight * rightWeight)), sum);
    const weight = f32x4.pmax(v128.shuffle<f32>(sum, sum, 3, 3, 3, 3), splat(1));
    const colour = rounded(f32x4.div(sum, weight));
    store<i32>(to, pixelOf(withAlpha(colour, i32x4.splat(load<u8>(to, 3)))));
  }
}
