// The minimum over k x k values of f32 planes: along rows into scratch memory, then along columns. Minima over 2, 4, 8 values and so on are made
// in place, until two of them cover a window. A part is some rows, or a strip of columns of a plane.

import { bytes, splat } from '../prelude.as';
import { load4, store4 } from '../pixels.as';

/** Columns of a strip. */
const STRIP = 32;

const INFINITE: f32 = 3.40282e38;

export function erodeRows(
  part: i32,
  local: usize,
  x: usize,
  y: usize,
  width: i32,
  height: i32, // of all planes
  k: i32,
  each: i32, // rows of a part
): void {
  const before = k >> 1;
  const length = width + k - 1;
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    fillInfinite(local, before);
    memory.copy(local + bytes(before), x + bytes(row * width), bytes(width));
    // Four more, so that vectors may pass the end.
    fillInfinite(local + bytes(before + width), k - 1 - before + 4);
    let size = 1;
    let values = length;
    for (; 2 * size <= k; size *= 2) {
      values -= size;
      const ahead = bytes(size);
      const last = local + bytes(values);
      for (let at = local; at < last; at += 16) v128.store(at, f32x4.pmin(v128.load(at), v128.load(at + ahead)));
    }
    const ahead = bytes(k - size);
    const to = y + bytes(row * width);
    for (let i = 0; i < width; i += 4) {
      const at = local + bytes(i);
      store4(to + bytes(i), f32x4.pmin(v128.load(at), v128.load(at + ahead)), width - i);
    }
  }
}

export function erodeColumns(
  part: i32,
  local: usize,
  x: usize,
  y: usize,
  width: i32,
  height: i32,
  k: i32,
  strips: i32, // parts of a plane
): void {
  const first = part % strips * STRIP;
  const columns = min(STRIP, width - first);
  const start = bytes(part / strips * height * width + first);
  const before = k >> 1;
  const line = bytes(STRIP);
  fillInfinite(local, before * STRIP);
  let to = local + <usize>before * line;
  let from = x + start;
  for (let row = 0; row < height; row++, from += bytes(width), to += line)
    for (let i = 0; i < columns; i += 4) v128.store(to + bytes(i), load4(from + bytes(i), columns - i));
  fillInfinite(to, (k - 1 - before) * STRIP);
  let size = 1;
  let rows = height + k - 1;
  for (; 2 * size <= k; size *= 2) {
    rows -= size;
    const ahead = <usize>size * line;
    const last = local + <usize>rows * line;
    for (let at = local; at < last; at += 16) v128.store(at, f32x4.pmin(v128.load(at), v128.load(at + ahead)));
  }
  const ahead = <usize>(k - size) * line;
  to = y + start;
  from = local;
  for (let row = 0; row < height; row++, from += line, to += bytes(width)) {
    for (let i = 0; i < columns; i += 4) {
      const at = from + bytes(i);
      store4(to + bytes(i), f32x4.pmin(v128.load(at), v128.load(at + ahead)), columns - i);
    }
  }
}

function fillInfinite(at: usize, count: i32): void {
  const end = at + bytes(count);
  for (; at + 16 <= end; at += 16) v128.store(at, splat(INFINITE));
  for (; at < end; at += 4) store<f32>(at, INFINITE);
}
