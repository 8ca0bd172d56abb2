// Resize of 8-bit RGBA to the mean of areas, see resize-area.wgsl. A part is some rows of y.

import { bytes, madd, splat } from '../prelude.as';
import { floatLevels, pixelOf, premultiplied, withAlpha } from '../pixels.as';

/** @param columns, rows (first, count, index of the first weight, 0) for each column and each row of y */
export function resizeArea(
  part: i32,
  local: usize,
  x: usize,
  xWidth: i32,
  xHeight: i32,
  columns: usize,
  rows: usize,
  weights: usize,
  y: usize,
  width: i32,
  height: i32,
  each: i32, // rows of a part
  halfUp: i32, // whether halves are rounded up
  scale: f32, // factor of the sums
  colours: i32, // whether colours are weighed by their alpha
): void {
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const tap = rows + <usize>row * 16;
    const first = load<i32>(tap);
    const count = load<i32>(tap, 4);
    const rowWeights = weights + bytes(load<i32>(tap, 8));
    memory.fill(local, 0, <usize>width * 16);
    for (let j = 0; j < count; j++) {
      const line = x + bytes(min(first + j, xHeight - 1) * xWidth);
      const weight = splat(load<f32>(rowWeights + bytes(j)));
      if (colours) addSeenRow(line, xWidth, columns, weights, weight, local, width);
      else addRow(line, xWidth, columns, weights, weight, local, width);
    }
    const to = y + bytes(row * width);
    for (let i = 0; i < width; i++) {
      let sum = v128.load(local + <usize>i * 16);
      if (colours) {
        const alpha = v128.shuffle<f32>(sum, sum, 3, 3, 3, 3);
        const colour = v128.and(f32x4.div(sum, alpha), f32x4.gt(alpha, splat(0)));
        sum = withAlpha(f32x4.div(colour, splat(scale)), sum);
      }
      sum = f32x4.mul(sum, splat(scale));
      const level = halfUp ? f32x4.floor(f32x4.add(sum, splat(0.5))) : f32x4.nearest(sum);
      store<i32>(to + bytes(i), pixelOf(i32x4.trunc_sat_f32x4_s(level)));
    }
  }
}

/** Adds a row of x, by its weight, to the sums of a row of y. */
function addRow(
  line: usize,
  xWidth: i32,
  columns: usize,
  weights: usize,
  weight: v128,
  sums: usize,
  width: i32,
): void {
  const last = line + bytes(xWidth - 1);
  for (let i = 0; i < width; i++, columns += 16, sums += 16) {
    let at = line + bytes(load<i32>(columns));
    const own = weights + bytes(load<i32>(columns, 8));
    const end = own + bytes(load<i32>(columns, 4));
    let sum = splat(0);
    for (let w = own; w < end; w += 4, at += 4) {
      sum = madd(v128.load32_splat(w), floatLevels(min(at, last)), sum);
    }
    v128.store(sums, madd(weight, sum, v128.load(sums)));
  }
}

/** As `addRow`, colours times their alpha. */
function addSeenRow(
  line: usize,
  xWidth: i32,
  columns: usize,
  weights: usize,
  weight: v128,
  sums: usize,
  width: i32,
): void {
  const last = line + bytes(xWidth - 1);
  for (let i = 0; i < width; i++, columns += 16, sums += 16) {
    let at = line + bytes(load<i32>(columns));
    const own = weights + bytes(load<i32>(columns, 8));
    const end = own + bytes(load<i32>(columns, 4));
    let sum = splat(0);
    for (let w = own; w < end; w += 4, at += 4) {
      sum = madd(v128.load32_splat(w), premultiplied(floatLevels(min(at, last))), sum);
    }
    v128.store(sums, madd(weight, sum, v128.load(sums)));
  }
}
