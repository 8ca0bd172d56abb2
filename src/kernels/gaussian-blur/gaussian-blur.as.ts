// Separable Gaussian blur of f32 planes: rows into scratch memory, then columns. A part is some rows of a plane.

import { bytes, madd, splat } from '../prelude.as';
import { load4, store4 } from '../pixels.as';

/** Values of a row whose sums are in registers. */
const TILE = 16;

/** Columns that are blurred together: the rows of a window stay in the first-level cache. */
const STRIP = 64;

/** @param positions of the columns, mirrored: what tap i of the first output reads, from i + 1 on that of the next one */
export function blurRows(
  part: i32,
  local: usize,
  x: usize,
  weights: usize,
  positions: usize,
  y: usize,
  width: i32,
  height: i32, // of all planes
  taps: i32,
  each: i32, // rows of a part
): void {
  const end = min(part * each + each, height);
  const reach = (taps - 1) >> 1;
  for (let row = part * each; row < end; row++) {
    const line = x + bytes(row * width);
    gather(local, line, positions, 0, reach);
    memory.copy(local + bytes(reach), line, bytes(width));
    gather(local, line, positions, width + reach, width + 2 * reach);
    const to = y + bytes(row * width);
    for (let i = 0; i < width; i += TILE) sumTile(local + bytes(i), 4, weights, taps, 0, 0, to + bytes(i), width - i);
  }
}

function gather(to: usize, line: usize, positions: usize, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) {
    const place = load<i32>(positions + bytes(i));
    store<f32>(to + bytes(i), load<f32>(line + bytes(place)));
  }
}

/** @param positions of the rows, mirrored, as those of `blurRows` */
export function blurColumns(
  part: i32,
  local: usize,
  x: usize,
  weights: usize,
  positions: usize,
  y: usize,
  width: i32,
  height: i32,
  taps: i32,
  each: i32, // rows of a part
  bands: i32, // parts of a plane
): void {
  const plane = bytes(part / bands * height * width);
  const begin = part % bands * each;
  const end = min(begin + each, height);
  x += plane;
  y += plane;
  for (let strip = 0; strip < width; strip += STRIP) {
    const last = min(strip + STRIP, width);
    for (let row = begin; row < end; row++)
      for (let i = strip; i < last; i += TILE) {
        const to = y + bytes(row * width + i);
        sumTile(x + bytes(i), 0, weights, taps, positions + bytes(row), bytes(width), to, last - i);
      }
  }
}

/**
 * Sums over taps for up to 16 neighbours.
 * @param step bytes from tap to tap, where there are no positions
 * @param positions of each tap, in units of `unit` bytes; 0 for none
 */
// @ts-ignore: decorator
@inline
function sumTile(
  x: usize,
  step: usize,
  weights: usize,
  taps: i32,
  positions: usize,
  unit: usize,
  to: usize,
  count: i32,
): void {
  const end = weights + bytes(taps);
  if (count >= TILE) {
    let a = splat(0);
    let b = splat(0);
    let c = splat(0);
    let d = splat(0);
    let at = x;
    for (let w = weights; w < end; w += 4, at += step) {
      if (unit) {
        at = x + <usize>load<i32>(positions) * unit;
        positions += 4;
      }
      const weight = v128.load32_splat(w);
      a = madd(weight, v128.load(at), a);
      b = madd(weight, v128.load(at, 16), b);
      c = madd(weight, v128.load(at, 32), c);
      d = madd(weight, v128.load(at, 48), d);
    }
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
    return;
  }
  for (let i = 0; i < count; i += 4) {
    let sum = splat(0);
    let at = x + bytes(i);
    let place = positions;
    for (let w = weights; w < end; w += 4, at += step) {
      if (unit) {
        at = x + bytes(i) + <usize>load<i32>(place) * unit;
        place += 4;
      }
      sum = madd(v128.load32_splat(w), load4(at, count - i), sum);
    }
    store4(to + bytes(i), sum, count - i);
  }
}
