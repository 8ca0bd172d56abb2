// The meaning of `conv` and `winograd`.

import { layoutElements, type NumberArray, pixelIndex, roundUp } from '../kernel.js';
import { packedIndex } from '../pack-weights/pack-weights.ref.js';
import type { ConvParams } from './conv.js';

/** erf by its Taylor series, and by its continued fraction where that converges faster; full double precision. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= -(a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = a;
  for (let k = 60; k > 0; k--) fraction = a + k / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}

function activate(value: number, { kind, slope = 0 }: ConvParams['activation']): number {
  switch (kind) {
    case 'none':
      return value;
    case 'leaky':
      return value > 0 ? value : value * slope;
    case 'gelu':
      return 0.5 * value * (1 + erf(value / Math.SQRT2));
    case 'swish':
      return value / (1 + Math.exp(-value));
  }
}

const mirror = (i: number, size: number): number => (i < 0 ? -i : i >= size ? 2 * size - 2 - i : i);

/** Picture, row and column. */
type Place = readonly [n: number, row: number, column: number];

/** @param places those that are computed; default all of y, what else there is being zero */
export function convReference(
  params: ConvParams,
  operands: Readonly<Record<string, NumberArray>>,
  places: Iterable<Place> = pixelsOf(params.y),
): Record<string, NumberArray> {
  const { x, y, size, stride, padTop, padLeft, padMode, upsample, prologue, residual } = params;
  const height = x.h * upsample;
  const width = x.w * upsample;

  /** The input that the filter sees. */
  const input = (n: number, row: number, column: number, c: number): number => {
    if (padMode === 'reflect') return input_(n, mirror(row, height), mirror(column, width), c);
    return row < 0 || row >= height || column < 0 || column >= width ? 0 : input_(n, row, column, c);
  };
  const input_ = (n: number, row: number, column: number, c: number): number => {
    const value = operands.x![pixelIndex(x, n, Math.floor(row / upsample), Math.floor(column / upsample)) + c]!;
    if (prologue === 'none') return value;
    const i = n * roundUp(x.c, 4) + c;
    const affine = value * operands.scale![i]! + operands.shift![i]!;
    return prologue === 'affine' ? affine : affine / (1 + Math.exp(-affine));
  };

  // [tap][input][output], so that the innermost loop is a plain one.
  const weights = new Float64Array(size * size * x.c * y.c);
  for (let tap = 0; tap < size * size; tap++)
    for (let c = 0; c < x.c; c++)
      for (let o = 0; o < y.c; o++)
        weights[(tap * x.c + c) * y.c + o] = operands.weights![packedIndex(x.c, size * size, o, c, tap)]!;

  const out = new Float32Array(layoutElements(y));
  for (const [n, row, column] of places) {
    const sums = new Float64Array(y.c);
    for (let ky = 0; ky < size; ky++)
      for (let kx = 0; kx < size; kx++)
        for (let c = 0; c < x.c; c++) {
          const value = input(n, row * stride + ky - padTop, column * stride + kx - padLeft, c);
          const start = ((ky * size + kx) * x.c + c) * y.c;
          for (let o = 0; o < y.c; o++) sums[o]! += value * weights[start + o]!;
        }
    sums.forEach((sum, o) => {
      const value = activate(sum + (params.bias ? operands.bias![o]! : 0), params.activation);
      const added = residual
        ? operands.residual![pixelIndex(residual.layout, n, row, column) + o]! + residual.alpha * value
        : value;
      out[pixelIndex(y, n, row, column) + o] = added;
    });
  }
  return { y: out };
}

function* pixelsOf({ n, h, w }: ConvParams['y']): Generator<Place> {
  for (let i = 0; i < n; i++)
    for (let row = 0; row < h; row++) for (let column = 0; column < w; column++) yield [i, row, column];
}
