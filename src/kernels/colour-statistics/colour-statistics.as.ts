// Partial sums over 8-bit pixels, see colour-statistics.wgsl: sums k are those of the pixels k, k + count, k + 2 count and so on. A part makes
// some of them, and takes these pixels a few rows of `count` at a time.

import { bytes } from '../prelude.as';
import { channelOf, load4 } from '../pixels.as';

const SUMS = 9;

/** Rows for which sums stay in registers. */
const ROWS = 8;

export function colourStatistics(
  part: i32,
  local: usize, // nine rows of sums
  x: usize,
  sums: usize, // [count, 9]
  pixels: i32,
  count: i32,
  each: i32, // of a part, a multiple of 4
): void {
  const first = part * each;
  const columns = min(each, count - first);
  const line = bytes(each);
  memory.fill(local, 0, SUMS * line);
  const step = ROWS * count;
  for (let begin = first; begin < pixels; begin += step) {
    for (let i = 0; i < columns; i += 4) {
      const own = local + bytes(i);
      let red = v128.load(own);
      let green = v128.load(own + line);
      let blue = v128.load(own + 2 * line);
      let reds = v128.load(own + 3 * line);
      let greens = v128.load(own + 4 * line);
      let blues = v128.load(own + 5 * line);
      let redGreen = v128.load(own + 6 * line);
      let greenBlue = v128.load(own + 7 * line);
      let blueRed = v128.load(own + 8 * line);
      for (let row = 0, at = begin + i; row < ROWS && at < pixels; row++, at += count) {
        const four = load4(x + bytes(at), min(columns - i, pixels - at));
        const r = channelOf(four, 0);
        const g = channelOf(four, 8);
        const b = channelOf(four, 16);
        red = i32x4.add(red, r);
        green = i32x4.add(green, g);
        blue = i32x4.add(blue, b);
        reds = i32x4.add(reds, squared(r));
        greens = i32x4.add(greens, squared(g));
        blues = i32x4.add(blues, squared(b));
        redGreen = i32x4.add(redGreen, squared(i32x4.abs(i32x4.sub(r, g))));
        greenBlue = i32x4.add(greenBlue, squared(i32x4.abs(i32x4.sub(g, b))));
        blueRed = i32x4.add(blueRed, squared(i32x4.abs(i32x4.sub(b, r))));
      }
      v128.store(own, red);
      v128.store(own + line, green);
      v128.store(own + 2 * line, blue);
      v128.store(own + 3 * line, reds);
      v128.store(own + 4 * line, greens);
      v128.store(own + 5 * line, blues);
      v128.store(own + 6 * line, redGreen);
      v128.store(own + 7 * line, greenBlue);
      v128.store(own + 8 * line, blueRed);
    }
  }
  let to = sums + bytes(SUMS * first);
  for (let i = 0; i < columns; i++)
    for (let k = 0; k < SUMS; k++, to += 4) store<i32>(to, load<i32>(local + <usize>k * line + bytes(i)));
}

/** Of whole numbers from 0 to 255. */
// @ts-ignore: decorator
@inline
function squared(x: v128): v128 {
  return i32x4.dot_i16x8_s(x, x);
}
