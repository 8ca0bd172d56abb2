// Separable Gaussian blur of float planes.

import type { Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand, roundUp } from '../kernel.js';

export interface GaussianBlurParams extends Size {
  readonly planes: number;
  /** Odd in number, the same for both axes. */
  readonly weights: Float32Array;
}

/** Operands: `x` and `y`, planes of f32 one after another; `weights` and `positions` of the tables. */
export const gaussianBlur: Kernel<GaussianBlurParams> = {
  name: 'gaussian-blur',
  operands(params): Record<string, Operand> {
    const elements = params.planes * params.width * params.height;
    const { taps, rowsStart } = sizesOf(params);
    return {
      x: array('read', 'f32', elements),
      weights: array('read', 'f32', taps),
      positions: array('read', 'u32', rowsStart + positionCount(params.height, taps)),
      y: array('write', 'f32', elements),
    };
  },
  tables(params): { weights: Float32Array; positions: Uint32Array } {
    const { width, height, weights } = params;
    const { taps, rowsStart } = sizesOf(params);
    const padded = new Float32Array(taps);
    padded.set(weights);
    const radius = (weights.length - 1) / 2;
    const positions = new Uint32Array(rowsStart + positionCount(height, taps));
    for (let i = 0; i < rowsStart; i++) positions[i] = reflected(i - radius, width);
    for (let i = rowsStart; i < positions.length; i++) positions[i] = reflected(i - rowsStart - radius, height);
    return { weights: padded, positions };
  },
};

export function sizesOf({ width, weights }: GaussianBlurParams): { taps: number; rowsStart: number } {
  const taps = roundUp(weights.length, 8);
  return { taps, rowsStart: positionCount(width, taps) };
}

/** Whole blocks of outputs, their taps, and the eight values that are read ahead. */
const positionCount = (count: number, taps: number): number => roundUp(count, 8) + taps + 8;

/** Mirrored about the first and last pixel, which are not repeated (BORDER_REFLECT_101), as often as need be. */
export function reflected(index: number, count: number): number {
  if (count === 1) return 0;
  const period = 2 * (count - 1);
  const place = ((index % period) + period) % period;
  return Math.min(place, period - place);
}

/** Weights that OpenCV keeps in tables for sizes up to 9 where no sigma is given. */
const SMALL = new Map([
  [1, [1]],
  [3, [0.25, 0.5, 0.25]],
  [5, [0.0625, 0.25, 0.375, 0.25, 0.0625]],
  [7, [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125]],
  [9, [4, 13, 30, 51, 60, 51, 30, 13, 4].map(v => v / 256)],
]);

/**
 * The weights of OpenCV's getGaussianKernel.
 * @param size odd
 * @param sigma in pixels; 0 or less derives it from the size
 */
export function gaussianWeights(size: number, sigma = 0): Float32Array {
  const small = sigma <= 0 ? SMALL.get(size) : undefined;
  if (small) return new Float32Array(small);
  const deviation = sigma > 0 ? sigma : 0.3 * ((size - 1) / 2 - 1) + 0.8;
  const values = Float64Array.from({ length: size }, (_, i) =>
    Math.exp(-((i - (size - 1) / 2) ** 2) / (2 * deviation ** 2)),
  );
  const sum = values.reduce((a, b) => a + b, 0);
  return Float32Array.from(values, value => value / sum);
}
