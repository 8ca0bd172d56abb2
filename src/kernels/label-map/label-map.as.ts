// The index of the largest logit of every pixel, the lowest on a tie, as a byte. A part is a run of pixels, a multiple of 4.

import { bytes, splat, storeTransposed } from '../prelude.as';

/** @param local four classes of four pixels, a class a row */
export function labelMap(
  part: i32,
  local: usize,
  logits: usize,
  stride: i32,
  pixels: i32, // of all pictures
  run: i32, // of a part
  classes: i32,
  labels: usize, // four to a word, the first in the low byte
): void {
  const end = min((part + 1) * run, pixels);
  const last = pixels - 1;
  const step = bytes(stride);
  for (let pixel = part * run; pixel < end; pixel += 4) {
    // Pixels past the end repeat the last one.
    const p0 = logits + <usize>pixel * step;
    const p1 = logits + <usize>min(pixel + 1, last) * step;
    const p2 = logits + <usize>min(pixel + 2, last) * step;
    const p3 = logits + <usize>min(pixel + 3, last) * step;
    let label = i32x4.splat(0);
    let largest = splat(-Infinity);
    for (let c = 0; c < classes; c += 4) {
      const at = bytes(c);
      const r0 = v128.load(p0 + at);
      const r1 = v128.load(p1 + at);
      storeTransposed(r0, r1, v128.load(p2 + at), v128.load(p3 + at), local, local + 16, local + 32, local + 48);
      for (let i = 0; i < min(4, classes - c); i++) {
        const value = v128.load(local + (<usize>i << 4));
        const better = f32x4.gt(value, largest);
        label = v128.bitselect(i32x4.splat(c + i), label, better);
        largest = v128.bitselect(value, largest, better);
      }
    }
    const narrow = i16x8.narrow_i32x4_u(label, label);
    let four = i32x4.extract_lane(i8x16.narrow_i16x8_u(narrow, narrow), 0);
    if (end - pixel < 4) four &= (1 << ((end - pixel) * 8)) - 1;
    store<i32>(labels + <usize>pixel, four);
  }
}
