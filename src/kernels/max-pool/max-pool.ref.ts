// The meaning of `max-pool`.

import { layoutElements, type NumberArray, pixelIndex } from '../kernel.js';
import type { MaxPoolParams } from './max-pool.js';

export function maxPoolReference(
  { x, y }: MaxPoolParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < y.n; n++)
    for (let row = 0; row < y.h; row++)
      for (let column = 0; column < y.w; column++)
        for (let c = 0; c < y.c; c++) {
          let largest = Number.NEGATIVE_INFINITY;
          for (let i = 2 * row - 1; i <= 2 * row + 1; i++)
            for (let j = 2 * column - 1; j <= 2 * column + 1; j++)
              if (i >= 0 && i < x.h && j >= 0 && j < x.w)
                largest = Math.max(largest, inputs.x![pixelIndex(x, n, i, j) + c]!);
          out[pixelIndex(y, n, row, column) + c] = largest;
        }
  return { y: out };
}
