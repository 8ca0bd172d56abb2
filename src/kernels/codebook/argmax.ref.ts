// The meaning of `argmax`.

import { type NumberArray, pixelIndex } from '../kernel.js';
import type { ArgmaxParams } from './argmax.js';

export function argmaxReference(
  { logits }: ArgmaxParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const indices: number[] = [];
  const margin: number[] = [];
  for (let n = 0; n < logits.n; n++)
    for (let row = 0; row < logits.h; row++)
      for (let column = 0; column < logits.w; column++) {
        const at = pixelIndex(logits, n, row, column);
        const values = Array.from(inputs.logits!.subarray(at, at + logits.c));
        const [first, second] = values.toSorted((a, b) => b - a) as [number, number];
        indices.push(values.indexOf(first));
        margin.push(first - second);
      }
  return { indices: Int32Array.from(indices), margin: Float32Array.from(margin) };
}
