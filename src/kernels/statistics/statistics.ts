// What kernels with means, variances or other reductions share: per-channel statistics of strips of pixels, and rows that are
// reduced by one invocation or by a workgroup, as the adapter likes it.

import { bytesPerElement, ceilDiv, type Layout, roundUp, type Scratch } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type Target } from '../webgpu.js';
import rowsRegisters from './rows-registers.wgsl';
import rowsWorkgroup from './rows-workgroup.wgsl';
import code from './strips.wgsl';

/** How the pixels of a picture are cut into strips: all of `length` but the last, which may be shorter. */
export interface Strips {
  readonly length: number;
  readonly count: number;
}

/** Invocations that keep an adapter busy, and the fewest pixels that are worth a strip. */
const PARALLEL = { registers: 4096, workgroup: 16384 };
const SHORTEST = { registers: 16, workgroup: 8 };

export function statisticStrips(x: Layout, { family }: Target): Strips {
  const pixels = x.h * x.w;
  const wanted = ceilDiv(PARALLEL[family], x.n * ceilDiv(x.c, 4));
  const length = Math.min(pixels, Math.max(SHORTEST[family], ceilDiv(pixels, wanted)));
  return { length, count: ceilDiv(pixels, length) };
}

/** What `stripStatistics` fills: [n, strips, 2, c rounded up to 4], means and M2. */
export function stripsScratch(x: Layout, target: Target): Scratch {
  const { count } = statisticStrips(x, target);
  return { type: 'f32', elements: x.n * count * 2 * roundUp(x.c, 4) };
}

/** Means and M2 of the strips of `x`, from and into the operands of these names. */
export function stripStatistics(x: Layout, from: string, into: string, target: Target): Dispatch {
  const { length, count } = statisticStrips(x, target);
  const groups = ceilDiv(x.c, 4);
  const invocations = x.n * count * groups;
  const values = x.n * x.h * x.w * groups * 4;
  return {
    shader: { name: 'statistics/strips', code },
    uniforms: { pixels: x.h * x.w, strip: length, strips: count, groups, count: invocations, ...placeOf('x', x) },
    workgroups: linearGrid(invocations),
    operands: [from, into],
    flops: values * 4,
    bytes: values * bytesPerElement('store', target.precision) + invocations * 32,
  };
}

/** Invocations that share a row. */
const LANES = { registers: 1, workgroup: 64 };

/**
 * A shader that reduces rows: `LANES`, `row_sum` and `row_max` stand before its code. Its workgroups have 64 invocations; those of
 * a row follow each other.
 */
export const rowShader = (code: string, { family }: Target): string =>
  `${family === 'registers' ? rowsRegisters : rowsWorkgroup}\n${code}`;

/** Workgroups for a shader made by `rowShader`. */
export const rowGrid = (rows: number, { family }: Target): [number, number, number] => linearGrid(rows * LANES[family]);
