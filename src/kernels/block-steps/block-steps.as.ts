// How much larger steps between neighbours are at each of eight phases than beside them, see block-steps.wgsl. A part of the first job is some
// rows, one of the second job some columns, which it takes 16 at a time.

import { bytes } from '../prelude.as';
import { load4, wholeLuma } from '../pixels.as';

/** Columns at a time: a line of the cache. */
const COLUMNS = 16;

// @ts-ignore: decorator
@inline
function lumaOf(at: usize, count: i32): v128 {
  return i32x4.trunc_sat_f32x4_s(wholeLuma(load4(at, count)));
}

// @ts-ignore: decorator
@inline
function stepBetween(a: v128, b: v128): v128 {
  return i32x4.abs(i32x4.sub(a, b));
}

/** Twice a step less those before and after it. */
// @ts-ignore: decorator
@inline
function beyond(before: v128, step: v128, after: v128): v128 {
  return i32x4.sub(i32x4.add(step, step), i32x4.add(before, after));
}

/** @param local luma of a row, and eight values more */
export function stepsAlongRows(
  part: i32,
  local: usize,
  x: usize, // at the first pixel of the rectangle
  pictureWidth: i32,
  sums: usize, // [rows, 8]
  width: i32,
  height: i32,
  origin: i32, // column of the rectangle
  each: i32, // rows of a part
): void {
  const lanes = i32x4(0, 1, 2, 3);
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const line = x + bytes(row * pictureWidth);
    for (let i = 0; i < width; i += 4) v128.store(local + bytes(i), lumaOf(line + bytes(i), width - i));
    let low = i32x4.splat(0);
    let high = i32x4.splat(0);
    for (let i = 2; i < width - 1; i += 8) {
      const at = local + bytes(i);
      const left = i32x4.splat(width - 1 - i);
      low = i32x4.add(low, v128.and(beyondAt(at), i32x4.lt_s(lanes, left)));
      high = i32x4.add(high, v128.and(beyondAt(at + 16), i32x4.lt_s(i32x4.add(lanes, i32x4.splat(4)), left)));
    }
    // The first lane is phase origin + 2.
    v128.store(local, low);
    v128.store(local, high, 16);
    const to = sums + <usize>row * 32;
    for (let i = 0; i < 8; i++) store<i32>(to + bytes((origin + 2 + i) & 7), load<i32>(local + bytes(i)));
  }
}

/** Of four neighbours in a row of luma. */
// @ts-ignore: decorator
@inline
function beyondAt(at: usize): v128 {
  const a = v128.load(at - 8);
  const b = v128.load(at - 4);
  const c = v128.load(at);
  return beyond(stepBetween(b, a), stepBetween(c, b), stepBetween(v128.load(at + 4), c));
}

/** @param local for each of 16 columns eight sums, the luma above, the step to it, and the step before */
export function stepsAlongColumns(
  part: i32,
  local: usize,
  x: usize, // at the first pixel of the rectangle
  pictureWidth: i32,
  sums: usize, // [columns, 8]
  width: i32,
  height: i32,
  origin: i32, // row of the rectangle
  each: i32, // columns of a part, a multiple of 16
): void {
  const line = bytes(COLUMNS);
  const lumas = local + 8 * line;
  const steps = lumas + line;
  const before = steps + line;
  const end = min(part * each + each, width);
  for (let first = part * each; first < end; first += COLUMNS) {
    const columns = min(COLUMNS, end - first);
    memory.fill(local, 0, 11 * line);
    for (let row = 0; row < height; row++) {
      const from = x + bytes(row * pictureWidth + first);
      // The step that this row completes is that of the row above.
      const own = local + <usize>((origin + row - 1) & 7) * line;
      for (let i = 0; i < columns; i += 4) {
        const at = bytes(i);
        const luma = lumaOf(from + at, columns - i);
        const step = stepBetween(luma, v128.load(lumas + at));
        const last = v128.load(steps + at);
        if (row > 2) v128.store(own + at, i32x4.add(v128.load(own + at), beyond(v128.load(before + at), last, step)));
        v128.store(lumas + at, luma);
        v128.store(steps + at, step);
        v128.store(before + at, last);
      }
    }
    let to = sums + <usize>first * 32;
    for (let i = 0; i < columns; i++)
      for (let phase: usize = 0; phase < 8; phase++, to += 4) store<i32>(to, load<i32>(local + phase * line + bytes(i)));
  }
}
