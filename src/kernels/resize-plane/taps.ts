// The taps of one axis of a resize: which source pixels a destination pixel is made of, and their weights, by OpenCV's rules.

import type { Size } from '../../image/geometry.js';
import { array, type NumberArray, type Operand } from '../kernel.js';

/** Filters of a resize, by the names that OpenCV has for them. */
export type Filter = 'linear' | 'area' | 'lanczos4';

/** Destination pixel i is the sum of weights[k] * source[clamp(first[i] + k - start[i])] for k from start[i] to start[i + 1]. */
export interface Taps {
  /** May lie outside of the source for `lanczos4` and `linear`: indices are clamped. */
  readonly first: Int32Array;
  readonly start: Int32Array;
  readonly weights: Float32Array;
}

export interface Axis {
  /** Pixels of the source. */
  readonly from: number;
  readonly to: number;
  /** Source pixels for each destination pixel; from / to unless an exact factor was asked for. */
  readonly step?: number | undefined;
  /** Columns and rows differ at the ends of `linear`. */
  readonly column: boolean;
}

export function axisTaps(filter: Filter, axis: Axis): Taps {
  const step = axis.step ?? axis.from / axis.to;
  if (filter === 'linear') return linear(axis, step);
  if (filter === 'lanczos4') return lanczos4(axis, step);
  return step >= 1 ? area(axis, step) : areaEnlarging(axis, step);
}

/** Positions are rounded to float32. Outside of the first and last pixel centre columns take that pixel alone. */
function linear({ from, to, column }: Axis, step: number): Taps {
  const taps = fixedCount(to, 2);
  for (let i = 0; i < to; i++) {
    const position = Math.fround((i + 0.5) * step - 0.5);
    let first = Math.floor(position);
    let weight = Math.fround(position - first);
    if (column && (first < 0 || first >= from - 1)) {
      first = first < 0 ? 0 : from - 1;
      weight = 0;
    }
    taps.first[i] = first;
    taps.weights.set([1 - weight, weight], 2 * i);
  }
  return taps;
}

/** Bilinear between pixels taken as areas: what OpenCV's INTER_AREA does where it enlarges. */
function areaEnlarging({ from, to }: Axis, step: number): Taps {
  const taps = fixedCount(to, 2);
  for (let i = 0; i < to; i++) {
    const first = Math.floor(i * step);
    const share = Math.fround(i + 1 - (first + 1) / step);
    const weight = share <= 0 || first >= from - 1 ? 0 : share - Math.floor(share);
    taps.first[i] = Math.min(first, from - 1);
    taps.weights.set([1 - weight, weight], 2 * i);
  }
  return taps;
}

/** Smallest share of a source pixel that counts. */
const LEAST_SHARE = 1e-3;

/** The part of each source pixel inside of the cell [i * step, (i + 1) * step), relative to the cell's width. */
function area({ from, to }: Axis, step: number): Taps {
  const first = new Int32Array(to);
  const start = new Int32Array(to + 1);
  const weights: number[] = [];
  for (let i = 0; i < to; i++) {
    const begin = i * step;
    const end = begin + step;
    const width = Math.min(step, from - begin);
    const last = Math.min(Math.floor(end), from - 1);
    const whole = Math.min(Math.ceil(begin), last);
    first[i] = whole;
    if (whole - begin > LEAST_SHARE) {
      first[i] = whole - 1;
      weights.push((whole - begin) / width);
    }
    for (let source = whole; source < last; source++) weights.push(1 / width);
    if (end - last > LEAST_SHARE) weights.push(Math.min(end - last, 1, width) / width);
    start[i + 1] = weights.length;
  }
  return { first, start, weights: new Float32Array(weights) };
}

/** Below this fraction a position is a pixel centre (FLT_EPSILON). */
const EPSILON = 2 ** -23;

/** Eight taps of sinc(u) sinc(u / 4), normalised. There is no low-pass when shrinking. */
function lanczos4({ to }: Axis, step: number): Taps {
  const taps = fixedCount(to, 8);
  for (let i = 0; i < to; i++) {
    const position = Math.fround((i + 0.5) * step - 0.5);
    const floor = Math.floor(position);
    const fraction = Math.fround(position - floor);
    taps.first[i] = floor - 3;
    const values = Array.from({ length: 8 }, (_, k) => {
      if (fraction < EPSILON) return k === 3 ? 1 : 0;
      const u = fraction + 3 - k;
      return sinc(u) * sinc(u / 4);
    });
    const sum = values.reduce((a, b) => a + b, 0);
    taps.weights.set(
      values.map(value => value / sum),
      8 * i,
    );
  }
  return taps;
}

function sinc(u: number): number {
  return u === 0 ? 1 : Math.sin(Math.PI * u) / (Math.PI * u);
}

function fixedCount(to: number, count: number): Taps {
  const start = Int32Array.from({ length: to + 1 }, (_, i) => i * count);
  return { first: new Int32Array(to), start, weights: new Float32Array(to * count) };
}

/** Taps of the destination pixels from `begin` up to `end`, for a source that begins at pixel `origin`. */
export function sliceTaps({ first, start, weights }: Taps, begin: number, end: number, origin: number): Taps {
  const base = start[begin]!;
  return {
    first: first.slice(begin, end).map(index => index - origin),
    start: start.slice(begin, end + 1).map(index => index - base),
    weights: weights.slice(base, start[end]!),
  };
}

/** The source pixels that taps read, as [begin, end). */
export function tapRange({ first, start }: Taps, from: number): [number, number] {
  let begin = from - 1;
  let end = 1;
  for (let i = 0; i < first.length; i++) {
    begin = Math.min(begin, first[i]!);
    end = Math.max(end, first[i]! + start[i + 1]! - start[i]!);
  }
  return [Math.max(0, begin), Math.min(from, end)];
}

/** What kernels read of the taps of both axes: (first, count, index of the first weight, 0) for each pixel, and all weights. */
export interface TapTables extends Record<string, NumberArray> {
  readonly columns: Int32Array;
  readonly rows: Int32Array;
  readonly weights: Float32Array;
}

export function tapTables({ columns, rows }: ResizeTaps): TapTables {
  const weights = new Float32Array(columns.weights.length + rows.weights.length);
  weights.set(columns.weights);
  weights.set(rows.weights, columns.weights.length);
  return { columns: packTaps(columns), rows: packTaps(rows, columns.weights.length), weights };
}

export const tapOperands = ({ columns, rows }: ResizeTaps): Record<keyof TapTables, Operand> => ({
  columns: array('read', 'i32', 4 * columns.first.length),
  rows: array('read', 'i32', 4 * rows.first.length),
  weights: array('read', 'f32', columns.weights.length + rows.weights.length),
});

function packTaps({ first, start }: Taps, firstWeight = 0): Int32Array {
  const packed = new Int32Array(4 * first.length);
  for (let i = 0; i < first.length; i++)
    packed.set([first[i]!, start[i + 1]! - start[i]!, firstWeight + start[i]!, 0], 4 * i);
  return packed;
}

/** Weights with `bits` fractional bits, rounded half to even. */
export function fixedWeights(weights: Float32Array, bits: number): Int32Array {
  return Int32Array.from(weights, weight => roundHalfEven(weight * 2 ** bits));
}

export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** What both axes of a resize need. */
export interface ResizeTaps {
  readonly columns: Taps;
  readonly rows: Taps;
}

/** @param step source pixels for each destination pixel on both axes, where an exact factor was asked for */
export function resizeTaps(filter: Filter, from: Size, to: Size, step?: number): ResizeTaps {
  // The area rule holds where neither axis is enlarged; else both are interpolated.
  const sides = [step ?? from.width / to.width, step ?? from.height / to.height] as const;
  const enlarging = filter === 'area' && Math.min(...sides) < 1;
  const columns = { from: from.width, to: to.width, step, column: true };
  const rows = { from: from.height, to: to.height, step, column: false };
  if (!enlarging) return { columns: axisTaps(filter, columns), rows: axisTaps(filter, rows) };
  return { columns: areaEnlarging(columns, sides[0]), rows: areaEnlarging(rows, sides[1]) };
}
