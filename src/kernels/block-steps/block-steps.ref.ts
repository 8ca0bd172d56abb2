// The meaning of `block-steps`.

import type { NumberArray } from '../kernel.js';
import { type BlockStepsParams, PHASES } from './block-steps.js';

export function blockStepsReference(
  { picture, rect }: BlockStepsParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const luma = (x: number, y: number) => {
    const [r, g, b] = bytes.subarray(4 * (y * picture.width + x)) as unknown as [number, number, number];
    return Math.floor((19595 * r + 38470 * g + 7471 * b) / 65536 + 0.5);
  };
  const sums = new Int32Array(PHASES * (rect.width + rect.height));
  const line = (index: number, length: number, origin: number, at: (i: number) => number) => {
    for (let i = 2; i + 1 < length; i++) {
      const step = (k: number) => Math.abs(at(k) - at(k - 1));
      sums[PHASES * index + ((origin + i) % PHASES)]! += 2 * step(i) - step(i - 1) - step(i + 1);
    }
  };
  for (let y = 0; y < rect.height; y++) line(y, rect.width, rect.x, i => luma(rect.x + i, rect.y + y));
  for (let x = 0; x < rect.width; x++) line(rect.height + x, rect.height, rect.y, i => luma(rect.x + x, rect.y + i));
  return { sums };
}
