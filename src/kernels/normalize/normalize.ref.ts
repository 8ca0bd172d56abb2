// The meaning of `normalize`.

import { layoutElements, type NumberArray, pixelIndex, roundUp } from '../kernel.js';
import type { NormalizeParams } from './normalize.js';

export function normalizeReference(
  { x, y, activation }: NormalizeParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { x: values, scale, shift } = inputs as Record<'x' | 'scale' | 'shift', NumberArray>;
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < x.n; n++)
    for (let row = 0; row < x.h; row++)
      for (let column = 0; column < x.w; column++)
        for (let c = 0; c < x.c; c++) {
          const affine = n * roundUp(x.c, 4) + c;
          const v = values[pixelIndex(x, n, row, column) + c]! * scale[affine]! + shift[affine]!;
          out[pixelIndex(y, n, row, column) + c] = activation === 'swish' ? v / (1 + Math.exp(-v)) : v;
        }
  return { y: out };
}
