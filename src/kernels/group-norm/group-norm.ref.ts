// The meaning of `group-norm`.

import { type NumberArray, pixelIndex, roundUp } from '../kernel.js';
import type { GroupNormParams } from './group-norm.js';

export function groupNormReference(
  { x, groups, eps }: GroupNormParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { x: values, gamma, beta } = inputs as Record<'x' | 'gamma' | 'beta', NumberArray>;
  const stride = roundUp(x.c, 4);
  const scale = new Float32Array(x.n * stride);
  const shift = new Float32Array(x.n * stride);
  const channels = x.c / groups;
  for (let n = 0; n < x.n; n++)
    for (let first = 0; first < x.c; first += channels) {
      const group: number[] = [];
      for (let row = 0; row < x.h; row++)
        for (let column = 0; column < x.w; column++)
          for (let c = first; c < first + channels; c++) group.push(values[pixelIndex(x, n, row, column) + c]!);
      const mean = group.reduce((sum, v) => sum + v, 0) / group.length;
      const variance = group.reduce((sum, v) => sum + (v - mean) ** 2, 0) / group.length;
      for (let c = first; c < first + channels; c++) {
        const factor = gamma[c]! / Math.sqrt(variance + eps);
        scale[n * stride + c] = factor;
        shift[n * stride + c] = beta[c]! - mean * factor;
      }
    }
  return { scale, shift };
}
