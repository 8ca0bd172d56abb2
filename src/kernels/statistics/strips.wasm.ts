// Per-channel statistics of strips of pixels on WebAssembly, for kernels with means and variances; see strips.as.ts.

import { ceilDiv, type Layout, roundUp, type Scratch } from '../kernel.js';
import { type Job, placed, runsOf } from '../wasm.js';

/** Pixels that f32 sums without a loss that matters, and fewest that are worth a strip. */
const LONGEST = 256;
const SHORTEST = 8;

/** Strips of a small picture. */
const STRIPS = 32;

/** How the pixels of a picture are cut into strips: all of `length` but the last, which may be shorter. */
export function statisticStrips({ h, w }: Layout): { readonly length: number; readonly count: number } {
  const pixels = h * w;
  const length = Math.min(LONGEST, Math.max(SHORTEST, ceilDiv(pixels, STRIPS)));
  return { length, count: ceilDiv(pixels, length) };
}

/** What `stripStatistics` fills: [n, strips, 2, c rounded up to 4], means and M2. */
export const stripsScratch = (x: Layout): Scratch => ({
  type: 'f32',
  elements: x.n * statisticStrips(x).count * 2 * roundUp(x.c, 4),
});

/** Means and M2 of the strips of `x`, from and into the operands of these names. */
export function stripStatistics(x: Layout, from: string, into: string): Job {
  const { length, count } = statisticStrips(x);
  const runs = runsOf(count);
  return {
    run: 'stripStatistics',
    args: [...placed(from, x), x.h * x.w, roundUp(x.c, 4), into, length, count, runs.each, runs.parts],
    parts: x.n * runs.parts,
  };
}
