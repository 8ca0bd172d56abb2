// The meaning of `tone-statistics`: which pixels count, and what is summed of them.

import type { NumberArray } from '../kernel.js';
import { BINS, SUMS, type ToneStatisticsParams, toneStep } from './tone-statistics.js';

export function toneStatisticsReference(
  { pixels }: ToneStatisticsParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const step = toneStep(pixels);
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const sums = new Uint32Array(SUMS * BINS);
  for (let i = 0; i * step < pixels; i++) {
    const [r, g, b] = bytes.slice(4 * i * step, 4 * i * step + 3) as unknown as [number, number, number];
    const grey = Math.floor((19595 * r + 38470 * g + 7471 * b) / 65536 + 0.5);
    [1, r, g, b, r * r, b * b].forEach((value, k) => {
      sums[k * BINS + grey]! += value;
    });
  }
  return { sums };
}
