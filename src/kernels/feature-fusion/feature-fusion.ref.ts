// The meaning of `feature-fusion`.

import { layoutElements, type NumberArray, pixelIndex } from '../kernel.js';
import type { FeatureFusionParams } from './feature-fusion.js';

export function featureFusionReference(
  { d, scale, shift, y, map }: FeatureFusionParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < d.n; n++)
    for (let row = 0; row < d.h; row++)
      for (let column = 0; column < d.w; column++) {
        const w = inputs.fidelity![map ? (n * d.h + row) * d.w + column : n]!;
        for (let c = 0; c < d.c; c++) {
          const value = inputs.d![pixelIndex(d, n, row, column) + c]!;
          const factor = inputs.scale![pixelIndex(scale, n, row, column) + c]!;
          const offset = inputs.shift![pixelIndex(shift, n, row, column) + c]!;
          out[pixelIndex(y, n, row, column) + c] = value + w * (value * factor + offset);
        }
      }
  return { y: out };
}
