// Where an affine warp samples its source: tables for each row and each column of the destination, computed in double precision,
// so that shaders only add. What is outside of the source is the border.

import type { Size } from '../resize-linear/resize-linear.js';

/** 2x3, row-major: (a, b, tx, c, d, ty). */
export type Matrix = Float64Array;

export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

export interface Warp {
  /** The source that is bound: the part of a larger picture that the rectangle says, or all of one. */
  readonly source: Rect;
  /** The part of the destination that is computed. */
  readonly target: Rect;
  /** From destination to source, both whole. */
  readonly inverse: Matrix;
  /** OpenCV's grid of 1/32 source pixels, instead of exact positions. */
  readonly compat: boolean;
  /** Samples per axis and destination pixel whose mean is taken: 2 where the warp shrinks. Always 1 in compat mode. */
  readonly samples: 1 | 2;
}

/**
 * Numbers for each row and column of the target. Compat: (X, Y, 0, 0) in 1/1024 source pixels, to be added and shifted. Else
 * (whole X, whole Y, fraction of X, fraction of Y), the fractions as f32 bits; to be added. Positions are relative to the
 * source rectangle, except in compat mode, where they saturate before the rectangle is subtracted.
 */
export interface WarpTables {
  readonly columns: Int32Array;
  readonly rows: Int32Array;
}

export function warpTables({ source, target, inverse: m, compat }: Warp): WarpTables {
  const columns = new Int32Array(4 * target.width);
  const rows = new Int32Array(4 * target.height);
  const [a, b, tx, c, d, ty] = m as unknown as [number, number, number, number, number, number];
  const put = compat ? putFixed : putSplit;
  for (let i = 0; i < target.width; i++) {
    const x = target.x + i;
    put(columns, i, a * x, c * x, 0);
  }
  for (let i = 0; i < target.height; i++) {
    const y = target.y + i;
    if (compat) putFixed(rows, i, b * y + tx, d * y + ty, ROUND);
    else putSplit(rows, i, b * y + tx - source.x, d * y + ty - source.y);
  }
  return { columns, rows };
}

/** Half of 1/32 pixel, in 1/1024. */
const ROUND = 16;

function putFixed(table: Int32Array, i: number, x: number, y: number, bias: number): void {
  table[4 * i] = saturate(x * 1024) + bias;
  table[4 * i + 1] = saturate(y * 1024) + bias;
}

function putSplit(table: Int32Array, i: number, x: number, y: number): void {
  const fractions = new Float32Array(table.buffer);
  const [wholeX, wholeY] = [saturate(Math.floor(x)), saturate(Math.floor(y))];
  table[4 * i] = wholeX;
  table[4 * i + 1] = wholeY;
  // Far outside of any source the fraction says nothing.
  fractions[4 * i + 2] = Math.min(Math.max(x - wholeX, 0), 1);
  fractions[4 * i + 3] = Math.min(Math.max(y - wholeY, 0), 1);
}

/** Sums of two of them, and of a few pixels, stay inside of int32. */
const LIMIT = 2 ** 30 - 1024;

/** Rounded half to even and kept inside of what shaders can add. */
function saturate(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return Math.min(Math.max(rounded, -LIMIT), LIMIT);
}

/** What both warps read besides their tables: 12 numbers, some as f32 bits. */
export function warpSizes({ source, target, inverse, samples, compat }: Warp, extra: number): Uint32Array {
  const sizes = new Uint32Array(12);
  const floats = new Float32Array(sizes.buffer);
  sizes.set([source.width, source.height, target.width, target.height]);
  // Compat positions are absolute, the others relative to the source rectangle already.
  if (compat) sizes.set([source.x, source.y], 4);
  sizes[6] = samples;
  sizes[7] = extra;
  floats.set([inverse[0]!, inverse[3]!, inverse[1]!, inverse[4]!], 8);
  return sizes;
}

/** Sampling position of a target pixel in the source rectangle, as shaders compute it: for references. */
export function samplePosition(
  { source, inverse: m, compat }: Warp,
  { columns, rows }: WarpTables,
  column: number,
  row: number,
  offset: readonly [number, number],
): { x: number; y: number; fx: number; fy: number } {
  if (compat) {
    const at = (axis: number) => (rows[4 * row + axis]! + columns[4 * column + axis]!) >> 5;
    const cell = (v: number) => Math.min(Math.max(v >> 5, -32768), 32767);
    const [x, y] = [at(0), at(1)];
    return { x: cell(x) - source.x, y: cell(y) - source.y, fx: (x & 31) / 32, fy: (y & 31) / 32 };
  }
  const rowFractions = new Float32Array(rows.buffer);
  const columnFractions = new Float32Array(columns.buffer);
  const at = (axis: number) => {
    const fraction = rowFractions[4 * row + 2 + axis]! + columnFractions[4 * column + 2 + axis]!;
    const shift = m[3 * axis]! * offset[0] + m[3 * axis + 1]! * offset[1];
    return rows[4 * row + axis]! + columns[4 * column + axis]! + fraction + shift;
  };
  const [x, y] = [at(0), at(1)];
  return { x: Math.floor(x), y: Math.floor(y), fx: x - Math.floor(x), fy: y - Math.floor(y) };
}
