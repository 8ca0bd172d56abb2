// The meaning of `add`.

import { layoutElements, type NumberArray, pixelIndex } from '../kernel.js';
import type { AddParams } from './add.js';

export function addReference(
  { a, b, y, alpha, slope }: AddParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < a.n; n++)
    for (let row = 0; row < a.h; row++)
      for (let column = 0; column < a.w; column++)
        for (let c = 0; c < a.c; c++) {
          const from = pixelIndex(b, n, Math.floor((row * b.h) / a.h), Math.floor((column * b.w) / a.w));
          const sum = inputs.a![pixelIndex(a, n, row, column) + c]! + alpha * inputs.b![from + c]!;
          out[pixelIndex(y, n, row, column) + c] = sum > 0 ? sum : sum * slope;
        }
  return { y: out };
}
