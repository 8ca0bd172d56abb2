// Resize of f32 planes by weighted taps: rows of (row weight * sum of columns of (column weight * x)). A part is some rows of a plane of y; rows
// of x that have the columns of y are kept for the rows that follow.

import { bytes, madd } from '../prelude.as';
import { load4, store4 } from '../pixels.as';

/** @param columns, rows (first, count, index of the first weight, 0) for each column and each row of y */
export function resizePlane(
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
  bands: i32, // parts of a plane
  kept: i32, // rows: as many as a row of y needs
): void {
  const plane = part / bands;
  const begin = part % bands * each;
  const end = min(begin + each, height);
  x += bytes(plane * xHeight * xWidth);
  y += bytes(plane * height * width);
  let next = 0;
  for (let row = begin; row < end; row++) {
    const tap = rows + <usize>row * 16;
    const first = load<i32>(tap);
    const count = load<i32>(tap, 4);
    const last = max(0, min(first + count - 1, xHeight - 1));
    for (let source = max(next, max(0, min(first, xHeight - 1))); source <= last; source++)
      acrossRow(x + bytes(source * xWidth), xWidth, columns, weights, local + bytes(source % kept * width), width);
    next = max(next, last + 1);
    const rowWeights = weights + bytes(load<i32>(tap, 8));
    const to = y + bytes(row * width);
    for (let j = 0; j < count; j++) {
      const weight = v128.load32_splat(rowWeights + bytes(j));
      const line = local + bytes(max(0, min(first + j, xHeight - 1)) % kept * width);
      if (j == 0) {
        for (let i = 0; i < width; i += 4) {
          const part = load4(line + bytes(i), width - i);
          store4(to + bytes(i), f32x4.mul(weight, part), width - i);
        }
      } else {
        for (let i = 0; i < width; i += 4) {
          const sum = load4(to + bytes(i), width - i);
          store4(to + bytes(i), madd(weight, load4(line + bytes(i), width - i), sum), width - i);
        }
      }
    }
  }
}

/** A row of x with the columns of y. */
function acrossRow(line: usize, xWidth: i32, columns: usize, weights: usize, to: usize, width: i32): void {
  for (let i = 0; i < width; i++, columns += 16, to += 4) {
    const first = load<i32>(columns);
    const count = load<i32>(columns, 4);
    let w = weights + bytes(load<i32>(columns, 8));
    let sum: f32 = 0;
    if (first >= 0 && first + count <= xWidth) {
      const end = w + bytes(count);
      for (let at = line + bytes(first); w < end; w += 4, at += 4) sum += load<f32>(w) * load<f32>(at);
    } else {
      for (let k = 0; k < count; k++, w += 4)
        sum += load<f32>(w) * load<f32>(line + bytes(max(0, min(first + k, xWidth - 1))));
    }
    store<f32>(to, sum);
  }
}
