// The meaning of `lookup`.

import { layoutElements, type NumberArray, pixelIndex, roundUp } from '../kernel.js';
import type { LookupParams } from './lookup.js';

export function lookupReference(
  { codes, y }: LookupParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { indices, codebook } = inputs as Record<'indices' | 'codebook', NumberArray>;
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < y.n; n++)
    for (let row = 0; row < y.h; row++)
      for (let column = 0; column < y.w; column++) {
        const index = indices[(n * y.h + row) * y.w + column]!;
        const entry = Math.min(Math.max(index, 0), codes - 1);
        for (let c = 0; c < y.c; c++) {
          out[pixelIndex(y, n, row, column) + c] = codebook[entry * roundUp(y.c, 4) + c]!;
        }
      }
  return { y: out };
}
