// The meaning of `colour-transfer`.

import type { NumberArray } from '../kernel.js';
import type { ColourTransferParams } from './colour-transfer.js';

export function colourTransferReference(
  { pixels, affine, tone }: ColourTransferParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const y = new Float32Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    const grey = 0.2989 * bytes[4 * i]! + 0.587 * bytes[4 * i + 1]! + 0.114 * bytes[4 * i + 2]!;
    const inside = (value: number) => Math.min(Math.max(value, 0), 255);
    for (let c = 0; c < 3; c++) {
      const level = inside(grey * affine[tone ? 0 : c]! + affine[3 + (tone ? 0 : c)]!);
      const low = Math.min(Math.floor(level), 254);
      const at = (place: number) => tone![256 * c + place]!;
      y[c * pixels + i] = tone ? at(low) + (level - low) * (at(low + 1) - at(low)) : level;
    }
  }
  return { y };
}
