// The meaning of `erode`: the minimum over each window, outside of the plane left out.

import type { NumberArray } from '../kernel.js';
import type { ErodeParams } from './erode.js';

export function erodeReference(
  { width, height, planes, k }: ErodeParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const x = inputs.x!;
  const y = new Float32Array(planes * width * height);
  const anchor = Math.floor(k / 2);
  const range = (at: number, count: number) => [Math.max(0, at - anchor), Math.min(count, at - anchor + k)] as const;
  for (let p = 0; p < planes; p++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const [top, bottom] = range(row, height);
        const [left, right] = range(column, width);
        let least = Number.POSITIVE_INFINITY;
        for (let j = top; j < bottom; j++)
          for (let i = left; i < right; i++) least = Math.min(least, x[(p * height + j) * width + i]!);
        y[(p * height + row) * width + column] = least;
      }
  return { y };
}
