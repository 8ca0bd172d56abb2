// Grey pictures, plain or with the mean and contrast of another picture; see colour-transfer.wgsl.

import type { ColourStatistics } from '../colour-statistics/colour-statistics.js';
import { array, type Dispatch, type Kernel, linearGrid, type Operand } from '../kernel.js';
import code from './colour-transfer.wgsl';

export interface ColourTransferParams {
  readonly pixels: number;
  /** Factors of the three channels, then shifts. */
  readonly affine: Float32Array;
}

/** Operands: `x`, a pixel of 8-bit RGBA in each u32, red in the low byte; `y`, three planes. */
export const colourTransfer: Kernel<ColourTransferParams> = {
  name: 'colour-transfer',
  operands({ pixels }): Record<string, Operand> {
    return {
      x: array('read', 'u32', pixels),
      y: array('write', 'f32', 3 * pixels),
    };
  },
  dispatches({ pixels, affine }): Dispatch[] {
    const [factor_r, factor_g, factor_b, shift_r, shift_g, shift_b] = affine as unknown as Six;
    return [
      {
        shader: { name: 'colour-transfer', code },
        plan: { pixels, factor_r, factor_g, factor_b, shift_r, shift_g, shift_b },
        workgroups: linearGrid(pixels),
        operands: ['x', 'y'],
        flops: 15 * pixels,
        bytes: 16 * pixels,
      },
    ];
  },
};

type Six = readonly [number, number, number, number, number, number];

/** Grey and nothing else. */
export const PLAIN_GREY = new Float32Array([1, 1, 1, 0, 0, 0]);

/** Weights of red, green and blue in grey; as in the reference they sum to 0.9999. */
const GREY = [0.2989, 0.587, 0.114] as const;

/** Keeps flat pictures from being divided by zero. */
const VARIANCE_FLOOR = 1e-5;

/** The factors and shifts that give a picture, once grey, the mean and standard deviation of each channel of another. */
export function greyTransfer(from: ColourStatistics, to: ColourStatistics): Float32Array {
  const mean = GREY[0] * from.mean[0] + GREY[1] * from.mean[1] + GREY[2] * from.mean[2];
  let variance = 0;
  for (let i = 0; i < 3; i++) {
    const j = (i + 1) % 3;
    // Twice the covariance of two channels, from the variance of their difference.
    const twice = from.variance[i]! + from.variance[j]! - from.differenceVariance[i]!;
    variance += GREY[i]! ** 2 * from.variance[i]! + GREY[i]! * GREY[j]! * twice;
  }
  const deviation = Math.sqrt(Math.max(0, variance) + VARIANCE_FLOOR);
  const factors = to.variance.map(v => Math.sqrt(v + VARIANCE_FLOOR) / deviation);
  const shifts = to.mean.map((value, c) => value - mean * factors[c]!);
  return new Float32Array([...factors, ...shifts]);
}
