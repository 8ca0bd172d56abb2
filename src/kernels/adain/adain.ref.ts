// The meaning of `adain`.

import { type Layout, layoutElements, type NumberArray, pixelIndex } from '../kernel.js';
import type { AdainParams } from './adain.js';

export function adainReference(
  { x, style, y }: AdainParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < x.n; n++)
    for (let c = 0; c < x.c; c++) {
      const own = channel(x, inputs.x!, n, c);
      const other = channel(style, inputs.style!, n, c);
      const [mean, deviation] = moments(own);
      const [styleMean, styleDeviation] = moments(other);
      own.forEach((v, pixel) => {
        out[pixelIndex(y, n, 0, pixel) + c] = ((v - mean) / deviation) * styleDeviation + styleMean;
      });
    }
  return { y: out };
}

/** A channel of a picture, pixels in rows. */
function channel(l: Layout, values: NumberArray, n: number, c: number): number[] {
  return Array.from({ length: l.h * l.w }, (_, pixel) => values[pixelIndex(l, n, 0, pixel) + c]!);
}

function moments(values: number[]): [number, number] {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / Math.max(values.length - 1, 1) + 1e-5)];
}
