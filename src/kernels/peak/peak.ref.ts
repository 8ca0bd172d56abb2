// The meaning of `peak`.

import { type NumberArray, pixelIndex } from '../kernel.js';
import type { PeakParams } from './peak.js';

export function peakReference(
  { x }: PeakParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  let largest = inputs.peak![0]!;
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  for (let n = 0; n < x.n; n++)
    for (let row = 0; row < x.h; row++)
      for (let column = 0; column < x.w; column++)
        for (let c = 0; c < x.c; c++) {
          value[0] = Math.abs(inputs.x![pixelIndex(x, n, row, column) + c]!);
          largest = Math.max(largest, bits[0]!);
        }
  return { peak: Uint32Array.of(largest) };
}
