// The meaning of `gaussian-blur`: weighted sums along rows, then along columns, mirrored at the border.

import type { NumberArray } from '../kernel.js';
import { type GaussianBlurParams, reflected } from './gaussian-blur.js';

export function gaussianBlurReference(
  { width, height, planes, weights }: GaussianBlurParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const x = inputs.x!;
  const radius = (weights.length - 1) / 2;
  const rows = new Float64Array(x.length);
  const y = new Float32Array(x.length);
  for (let p = 0; p < planes; p++) {
    const at = (row: number, column: number) => (p * height + row) * width + column;
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        weights.forEach((weight, i) => {
          rows[at(row, column)]! += weight * x[at(row, reflected(column + i - radius, width))]!;
        });
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        let sum = 0;
        weights.forEach((weight, i) => {
          sum += weight * rows[at(reflected(row + i - radius, height), column)]!;
        });
        y[at(row, column)] = sum;
      }
  }
  return { y };
}
