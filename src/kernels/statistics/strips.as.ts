// Mean and M2 (sum of squared deviations from the mean) of every channel over strips of consecutive pixels: the first of the two steps of
// every statistic over a picture. A part is a run of strips of a picture.

import { bytes, madd, splat } from '../prelude.as';

/** Where the mean of a strip's first channel is; M2 is `pixel` bytes behind it. */
// @ts-ignore: decorator
@inline
export function stripAt(strips: usize, strip: i32, pixel: usize): usize {
  return strips + <usize>strip * 2 * pixel;
}

/** Deviations are taken from a strip's first pixel, so that a large mean costs no precision. Memory is read from one end to the other. */
function stripOf(x: usize, step: usize, count: i32, pixel: usize, mean: usize): void {
  const m2 = mean + pixel;
  memory.fill(mean, 0, 2 * pixel);
  for (let i = 0, at = x; i < count; i++, at += step) {
    for (let c: usize = 0; c < pixel; c += 16) {
      const d = f32x4.sub(v128.load(at + c), v128.load(x + c));
      v128.store(mean + c, f32x4.add(v128.load(mean + c), d));
      v128.store(m2 + c, madd(d, d, v128.load(m2 + c)));
    }
  }
  for (let c: usize = 0; c < pixel; c += 16) {
    const sum = v128.load(mean + c);
    const average = f32x4.div(sum, splat(<f32>count));
    v128.store(mean + c, f32x4.add(v128.load(x + c), average));
    v128.store(m2 + c, f32x4.pmax(splat(0), f32x4.sub(v128.load(m2 + c), f32x4.mul(sum, average))));
  }
}

/** strips is [n, count, 2, channels]: means, then M2. */
export function stripStatistics(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  pixels: i32, // of a picture
  channels: i32, // rounded up to 4
  strips: usize,
  length: i32, // pixels of a strip; the last one of a picture may be shorter
  count: i32, // strips of a picture
  run: i32, // strips of a part
  runs: i32, // of a picture
): void {
  const n = part / runs;
  const first = part % runs * run;
  const pixel = bytes(channels);
  const step = bytes(xStride);
  x += <usize>(n * pixels) * step;
  for (let strip = first; strip < min(first + run, count); strip++) {
    const start = strip * length;
    const to = stripAt(strips, n * count + strip, pixel);
    stripOf(x + <usize>start * step, step, min(length, pixels - start), pixel, to);
  }
}
