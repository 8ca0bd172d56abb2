// What colours go with each level of grey, see count.wgsl. A part counts some of the pixels on its own; parts of a second job add the counts.

import { bytes } from '../prelude.as';
import { levels, wholeLuma } from '../pixels.as';

const BINS = 256;

/** Bytes of a grey: (1, red, green, blue, red^2, blue^2, 0, 0). */
const BIN: usize = 32;

export function countTones(
  part: i32,
  local: usize,
  x: usize,
  counts: usize, // [parts, 256, 8]
  pixels: i32,
  step: i32, // from one pixel to the next that is looked at
  each: i32, // that are looked at in a part
): void {
  const own = counts + <usize>(part * BINS) * BIN;
  memory.fill(own, 0, BINS * BIN);
  let at = part * each * step;
  for (let i = 0; i < each && at < pixels; i++, at += step) {
    const pixel = v128.load32_zero(x + bytes(at));
    const grey = <i32>f32x4.extract_lane(wholeLuma(pixel), 0);
    const colour = levels(pixel);
    const squares = i32x4.dot_i16x8_s(colour, colour);
    const to = own + <usize>grey * BIN;
    const sums = v128.shuffle<i32>(i32x4.splat(1), colour, 0, 4, 5, 6);
    v128.store(to, i32x4.add(v128.load(to), sums));
    v128.store(to, i32x4.add(v128.load(to, 16), v128.shuffle<i32>(squares, i32x4.splat(0), 0, 2, 4, 4)), 16);
  }
}

export function addTones(
  part: i32,
  local: usize,
  counts: usize,
  sums: usize, // [6, 256]
  parts: i32, // that have counted
  each: i32, // greys of a part
): void {
  for (let grey = part * each; grey < part * each + each; grey++) {
    let first = i32x4.splat(0);
    let second = i32x4.splat(0);
    for (let i = 0; i < parts; i++) {
      const from = counts + <usize>(i * BINS + grey) * BIN;
      first = i32x4.add(first, v128.load(from));
      second = i32x4.add(second, v128.load(from, 16));
    }
    const to = sums + bytes(grey);
    v128.store32_lane(to, first, 0);
    v128.store32_lane(to, first, 1, 1024);
    v128.store32_lane(to, first, 2, 2048);
    v128.store32_lane(to, first, 3, 3072);
    v128.store32_lane(to, second, 0, 4096);
    v128.store32_lane(to, second, 1, 5120);
  }
}
