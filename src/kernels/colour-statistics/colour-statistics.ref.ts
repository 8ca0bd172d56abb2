// The meaning of `colour-statistics`: sums over every parts-th pixel.

import type { NumberArray } from '../kernel.js';
import { type ColourStatisticsParams, partCount } from './colour-statistics.js';

export function colourStatisticsReference(
  { pixels }: ColourStatisticsParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const parts = partCount(pixels);
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const sums = new Uint32Array(9 * parts);
  for (let i = 0; i < pixels; i++) {
    const [r, g, b] = bytes.slice(4 * i, 4 * i + 3) as unknown as [number, number, number];
    [r, g, b, r * r, g * g, b * b, (r - g) ** 2, (g - b) ** 2, (b - r) ** 2].forEach((value, k) => {
      sums[9 * (i % parts) + k]! += value;
    });
  }
  return { sums };
}
