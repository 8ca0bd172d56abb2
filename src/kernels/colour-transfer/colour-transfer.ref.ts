// The meaning of `colour-transfer`.

import type { NumberArray } from '../kernel.js';
import type { ColourTransferParams } from './colour-transfer.js';

export function colourTransferReference(
  { pixels, affine }: ColourTransferParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const y = new Float32Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    const grey = 0.2989 * bytes[4 * i]! + 0.587 * bytes[4 * i + 1]! + 0.114 * bytes[4 * i + 2]!;
    for (let c = 0; c < 3; c++) y[c * pixels + i] = Math.min(Math.max(grey * affine[c]! + affine[3 + c]!, 0), 255);
  }
  return { y };
}
