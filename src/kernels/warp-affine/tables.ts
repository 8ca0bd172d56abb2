// Where an affine warp samples its source: tables for each row and each column of the destination, computed in double precision,
// so that shaders only add integers. What is outside of the source is the border.

import type { Matrix, Rect } from '../../image/geometry.js';
import { array, type Operand } from '../kernel.js';

export interface Warp {
  /** The source that is bound: the part of a larger picture that the rectangle says, or all of one. */
  readonly source: Rect;
  /** The part of the destination that is computed. */
  readonly target: Rect;
  /** From destination to source, both whole. */
  readonly inverse: Matrix;
  /** OpenCV's grid of 1/32 source pixel, instead of 1/2048. */
  readonly compat: boolean;
  /** Samples per axis and destination pixel whose mean is taken: 2 where the warp shrinks. Always 1 in compat mode. */
  readonly samples: 1 | 2;
}

/** Fractional bits of the tables: OpenCV's in compat mode, of which 5 are kept after the sum. */
const bitsOf = (compat: boolean): number => (compat ? 10 : 11);

/** Half of 1/32 pixel, in 1/1024. */
const COMPAT_ROUND = 16;

/** Sums of two of them, and of a pixel or two, stay inside of int32: half a million pixels in each direction. */
const LIMIT = 2 ** 30 - 2 ** 14;

/** (x, y) in the source for each column and each row of the target; positions are sums of both. */
export interface WarpTables {
  readonly columns: Int32Array;
  readonly rows: Int32Array;
  /** Of each sample relative to the centre. */
  readonly shifts: Int32Array;
}

export function warpTables(warp: Warp): WarpTables {
  const { target, inverse, compat } = warp;
  const [a, b, tx, c, d, ty] = inverse as unknown as [number, number, number, number, number, number];
  const columns = new Int32Array(2 * target.width);
  const rows = new Int32Array(2 * target.height);
  const one = 2 ** bitsOf(compat);
  const bias = compat ? COMPAT_ROUND : 0;
  for (let i = 0; i < target.width; i++) {
    const x = target.x + i;
    columns.set([fixed(a * x * one), fixed(c * x * one)], 2 * i);
  }
  for (let i = 0; i < target.height; i++) {
    const y = target.y + i;
    rows.set([fixed((b * y + tx) * one) + bias, fixed((d * y + ty) * one) + bias], 2 * i);
  }
  return { columns, rows, shifts: Int32Array.from(sampleShifts(warp).flat()) };
}

/** Rounded half to even and kept inside of what shaders can add. */
function fixed(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return Math.min(Math.max(rounded, -LIMIT), LIMIT);
}

/** Operands of both warps that `warpTables` fills. */
export const warpOperands = ({ target, samples }: Warp): Record<keyof WarpTables, Operand> => ({
  columns: array('read', 'i32', 2 * target.width),
  rows: array('read', 'i32', 2 * target.height),
  shifts: array('read', 'i32', 2 * samples ** 2),
});

/** Fields of the uniforms of both warps. */
export const warpUniforms = ({ source, target }: Warp) => ({
  x_width: source.width,
  x_height: source.height,
  width: target.width,
  height: target.height,
  left: source.x,
  top: source.y,
});

/** Positions of the samples of a pixel relative to its centre, in units of the tables. */
function sampleShifts({ inverse: m, compat, samples }: Warp): [number, number][] {
  const one = 2 ** bitsOf(compat);
  const offsets = samples === 1 ? [0] : [-0.25, 0.25];
  return offsets.flatMap(y =>
    offsets.map((x): [number, number] => [fixed((m[0]! * x + m[1]! * y) * one), fixed((m[3]! * x + m[4]! * y) * one)]),
  );
}

export interface Sample {
  readonly x: number;
  readonly y: number;
  readonly fx: number;
  readonly fy: number;
}

/** The samples of a target pixel: whole part in the source rectangle, and fraction. For references. */
export function samplesOf(
  warp: Warp,
  { columns, rows }: Pick<WarpTables, 'columns' | 'rows'>,
  column: number,
  row: number,
): Sample[] {
  const { source, compat } = warp;
  return sampleShifts(warp).map(shift => {
    const at = (axis: 0 | 1) => rows[2 * row + axis]! + columns[2 * column + axis]! + shift[axis];
    const one = compat ? 32 : 2048;
    const [x, y] = compat ? [at(0) >> 5, at(1) >> 5] : [at(0), at(1)];
    const whole = (v: number) => (compat ? Math.min(Math.max(v >> 5, -32768), 32767) : Math.floor(v / one));
    const fraction = (v: number) => (v & (one - 1)) / one;
    return { x: whole(x) - source.x, y: whole(y) - source.y, fx: fraction(x), fy: fraction(y) };
  });
}
