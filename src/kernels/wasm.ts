// How WebAssembly runs a kernel: plain data and pure functions from parameters to jobs.

import { ceilDiv, type Layout, roundUp, type Scratch } from './kernel.js';

export type Argument = number | string | null | { readonly operand: string; readonly offset: number };

/** Address of the first value of a picture-like operand, and elements from pixel to pixel. */
export const placed = (operand: string, l: Layout): [Argument, number] => [
  l.offset === 0 ? operand : { operand, offset: 4 * l.offset },
  l.stride,
];

/**
 * A function of the module, called once for each of some parts of the work: `run(part, local, ...args)`. Parts write to different places and
 * read nothing that others write, so that any number of threads in any order gives the same bytes.
 */
export interface Job {
  /** Name of the exported function. */
  readonly run: string;
  /** Numbers, names of operands, which become addresses, and addresses inside of them; null is that of an operand that is absent. */
  readonly args: readonly Argument[];
  readonly parts: number;
  /** Bytes that each thread has for itself, at the address `local`. Default 0. */
  readonly local?: number;
}

/** The implementation of a kernel. */
export interface WasmKernel<P> {
  /** By names that jobs use beside those of the operands. */
  scratch?(params: P): Readonly<Record<string, Scratch>>;
  /** Done one after another. */
  jobs(params: P): readonly Job[];
}

/** Parts that keep every thread busy to the end. */
export const PARTS = 32;

/** `count` things in about `parts` parts: how many each of them has, a multiple of `step`, and how many there are; the last may have fewer. */
export function runsOf(count: number, step = 1, parts = PARTS): { readonly each: number; readonly parts: number } {
  const each = roundUp(ceilDiv(count, parts), step);
  return { each, parts: ceilDiv(count, each) };
}

/** Pixels in a part that take as long as a few parts cost. */
const PART_PIXELS = 2 ** 14;

/**
 * Lines of a picture in parts, as few as are worth it.
 * @param pixels of a line, or how many it takes as long as
 */
export const divided = (lines: number, pixels: number, step = 1): ReturnType<typeof runsOf> =>
  runsOf(lines, step, Math.min(PARTS, ceilDiv(lines * pixels, PART_PIXELS)));
