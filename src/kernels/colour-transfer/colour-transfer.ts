// Grey pictures, plain or with the mean and contrast of another picture.

import type { ColourStatistics } from '../colour-statistics/colour-statistics.js';
import { array, type Kernel, type Operand } from '../kernel.js';

export interface ColourTransferParams {
  readonly pixels: number;
  /** Factors of the three channels, then shifts. */
  readonly affine: Float32Array;
  /** Red, green and blue of each grey from 0 to 255, 3 x 256 values, for the grey that the factor and shift of red give. */
  readonly tone?: Float32Array | null | undefined;
}

/** Operands: `x`, a pixel of 8-bit RGBA in each u32, red in the low byte; `curve` of the tables; `y`, three planes. */
export const colourTransfer: Kernel<ColourTransferParams> = {
  name: 'colour-transfer',
  operands({ pixels }): Record<string, Operand> {
    return {
      x: array('read', 'u32', pixels),
      curve: array('read', 'f32', 3 * 256),
      y: array('write', 'f32', 3 * pixels),
    };
  },
  tables: ({ tone }) => ({ curve: tone ?? new Float32Array(3 * 256) }),
};

/** Weights of red, green and blue in grey; as in the reference they sum to 0.9999. */
const GREY = [0.2989, 0.587, 0.114] as const;

/** Keeps flat pictures from being divided by zero. */
const VARIANCE_FLOOR = 1e-5;

/** The factors and shifts that give a picture, once grey, the mean and standard deviation of each channel of another. */
export function greyTransfer(from: ColourStatistics, to: ColourStatistics): Float32Array {
  const grey = greyOf(from);
  const deviation = Math.sqrt(grey.variance + VARIANCE_FLOOR);
  const factors = to.variance.map(v => Math.sqrt(v + VARIANCE_FLOOR) / deviation);
  const shifts = to.mean.map((value, c) => value - grey.mean * factors[c]!);
  return new Float32Array([...factors, ...shifts]);
}

/** As `greyTransfer`, to the mean and standard deviation of the other picture's grey. */
export function toneTransfer(from: ColourStatistics, to: ColourStatistics): Float32Array {
  const { mean, variance } = greyOf(to);
  return greyTransfer(from, { ...to, mean: [mean, mean, mean], variance: [variance, variance, variance] });
}

/** Mean and variance of a picture in grey. */
function greyOf({ mean, variance, differenceVariance }: ColourStatistics): { mean: number; variance: number } {
  let sum = 0;
  for (let i = 0; i < 3; i++) {
    const j = (i + 1) % 3;
    // Twice the covariance of two channels, from the variance of their difference.
    const twice = variance[i]! + variance[j]! - differenceVariance[i]!;
    sum += GREY[i]! ** 2 * variance[i]! + GREY[i]! * GREY[j]! * twice;
  }
  return { mean: GREY[0] * mean[0] + GREY[1] * mean[1] + GREY[2] * mean[2], variance: Math.max(0, sum) };
}
