// Lanczos resize of 8-bit RGBA in integers, see horizontal.wgsl and vertical.wgsl. A part is some rows of the band; the eight rows of x that a
// row of y needs are kept, with the columns of y, for the rows that follow.

import { bytes, madd, splat } from '../prelude.as';
import { floatLevels, neighbours, pixelOf, premultiplied, rounded, withAlpha, word } from '../pixels.as';

export function resizeLanczos4(
  part: i32,
  local: usize,
  x: usize, // at the first row that the band needs
  xWidth: i32,
  xRows: i32, // that the band needs
  columns: usize, // first column of x, for each of y
  rows: usize, // first row of x, for each of the band
  columnWeights: usize,
  rowWeights: usize,
  y: usize, // at the first row of the band
  width: i32,
  height: i32, // of the band
  each: i32, // rows of a part
  colours: i32, // whether colours are weighed by their alpha
): void {
  const length = <usize>width * 16;
  const sums = local + 32;
  let next = 0;
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const first = load<i32>(rows + bytes(row));
    const last = max(0, min(first + 7, xRows - 1));
    for (let source = max(next, max(0, min(first, xRows - 1))); source <= last; source++) {
      const line = x + bytes(source * xWidth);
      acrossRow(line, xWidth, columns, columnWeights, sums + <usize>(source & 7) * length, width, local, colours);
    }
    next = last + 1;
    const weights = rowWeights + <usize>row * 32;
    const s0 = sums + lineOf(first, xRows) * length;
    const s1 = sums + lineOf(first + 1, xRows) * length;
    const s2 = sums + lineOf(first + 2, xRows) * length;
    const s3 = sums + lineOf(first + 3, xRows) * length;
    const s4 = sums + lineOf(first + 4, xRows) * length;
    const s5 = sums + lineOf(first + 5, xRows) * length;
    const s6 = sums + lineOf(first + 6, xRows) * length;
    const s7 = sums + lineOf(first + 7, xRows) * length;
    let to = y + bytes(row * width);
    for (let i: usize = 0; i < length; i += 16, to += 4) {
      let sum = word(1 << 21);
      sum = i32x4.add(sum, i32x4.mul(v128.load(s0 + i), v128.load32_splat(weights)));
      sum = i32x4.add(sum, i32x4.mul(v128.load(s1 + i), v128.load32_splat(weights, 4)));
      sum = i32x4.add(sum, i32x4.mul(v128.load(s2 + i), v128.load32_splat(weights, 8)));
      sum = i32x4.add(sum, i32x4.mul(v128.load(s3 + i), v128.load32_splat(weights, 12)));
      sum = i32x4.add(sum, i32x4.mul(v128.load(s4 + i), v128.load32_splat(weights, 16)));
      sum = i32x4.add(sum, i32x4.mul(v128.load(s5 + i), v128.load32_splat(weights, 20)));
      sum = i32x4.add(sum, i32x4.mul(v128.load(s6 + i), v128.load32_splat(weights, 24)));
      sum = i32x4.add(sum, i32x4.mul(v128.load(s7 + i), v128.load32_splat(weights, 28)));
      let pixel = pixelOf(i32x4.shr_s(sum, 22));
      if (colours) {
        const low = floatSum(s0 + i, s1 + i, s2 + i, s3 + i, weights);
        const seen = f32x4.add(low, floatSum(s4 + i, s5 + i, s6 + i, s7 + i, weights + 16));
        const alpha = v128.shuffle<f32>(seen, seen, 3, 3, 3, 3);
        const colour = pixel & 0xff000000 ? rounded(f32x4.div(seen, alpha)) : splat(0);
        pixel = pixelOf(withAlpha(colour, word(pixel >>> 24)));
      }
      store<i32>(to, pixel);
    }
  }
}

/** Where the sums of a row of x are, of eight. */
// @ts-ignore: decorator
@inline
function lineOf(row: i32, xRows: i32): usize {
  return <usize>(max(0, min(row, xRows - 1)) & 7);
}

/** Four sums, which pass 32 bits, times weights. */
// @ts-ignore: decorator
@inline
function floatSum(a: usize, b: usize, c: usize, d: usize, weights: usize): v128 {
  const w = f32x4.convert_i32x4_s(v128.load(weights));
  let sum = f32x4.mul(f32x4.convert_i32x4_s(v128.load(a)), v128.shuffle<f32>(w, w, 0, 0, 0, 0));
  sum = madd(f32x4.convert_i32x4_s(v128.load(b)), v128.shuffle<f32>(w, w, 1, 1, 1, 1), sum);
  sum = madd(f32x4.convert_i32x4_s(v128.load(c)), v128.shuffle<f32>(w, w, 2, 2, 2, 2), sum);
  return madd(f32x4.convert_i32x4_s(v128.load(d)), v128.shuffle<f32>(w, w, 3, 3, 3, 3), sum);
}

/**
 * A row of x with the columns of y: sums of i32 with 11 fractional bits.
 * @param eight memory for eight pixels
 */
function acrossRow(
  line: usize,
  xWidth: i32,
  columns: usize,
  weights: usize,
  to: usize,
  width: i32,
  eight: usize,
  colours: i32,
): void {
  for (let i = 0; i < width; i++, columns += 4, weights += 32, to += 16) {
    const first = load<i32>(columns);
    let from = line + bytes(first);
    if (first < 0 || first + 8 > xWidth) {
      for (let k = 0; k < 8; k++)
        store<i32>(eight + bytes(k), load<i32>(line + bytes(max(0, min(first + k, xWidth - 1)))));
      from = eight;
    }
    const w = i16x8.narrow_i32x4_s(v128.load(weights), v128.load(weights, 16));
    let sum: v128;
    if (colours) {
      sum = word(0);
      for (let k: usize = 0; k < 32; k += 4)
        sum = i32x4.add(sum, i32x4.mul(seenLevels(from + k), v128.load32_splat(weights + k)));
    } else {
      const low = v128.load(from);
      const high = v128.load(from, 16);
      sum = i32x4.dot_i16x8_s(neighbours(low), v128.shuffle<i32>(w, w, 0, 0, 0, 0));
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(upperNeighbours(low), v128.shuffle<i32>(w, w, 1, 1, 1, 1)));
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(neighbours(high), v128.shuffle<i32>(w, w, 2, 2, 2, 2)));
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(upperNeighbours(high), v128.shuffle<i32>(w, w, 3, 3, 3, 3)));
    }
    v128.store(to, sum);
  }
}

/** As `neighbours`, of the third and fourth of four pixels. */
// @ts-ignore: decorator
@inline
function upperNeighbours(four: v128): v128 {
  return neighbours(v128.shuffle<i64>(four, four, 1, 1));
}

/** Colours times their alpha, and alpha. */
// @ts-ignore: decorator
@inline
function seenLevels(at: usize): v128 {
  return i32x4.trunc_sat_f32x4_s(premultiplied(floatLevels(at)));
}
