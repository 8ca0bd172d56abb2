// The meaning of `label-map`.

import { type NumberArray, pixelIndex } from '../kernel.js';
import type { LabelMapParams } from './label-map.js';

export function labelMapReference(
  { logits }: LabelMapParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes: number[] = [];
  for (let n = 0; n < logits.n; n++)
    for (let row = 0; row < logits.h; row++)
      for (let column = 0; column < logits.w; column++) {
        const at = pixelIndex(logits, n, row, column);
        const values = Array.from(inputs.logits!.subarray(at, at + logits.c));
        bytes.push(values.indexOf(Math.max(...values)));
      }
  const labels = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(labels.buffer).set(bytes);
  return { labels };
}
