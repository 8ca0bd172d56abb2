// The meaning of `pixel-shuffle` and `pixel-unshuffle`.

import { layoutElements, type NumberArray, pixelIndex } from '../kernel.js';
import type { PixelShuffleParams } from './pixel-shuffle.js';

export function pixelShuffleReference(
  { x, y, factor }: PixelShuffleParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < y.n; n++)
    for (let c = 0; c < y.c; c++)
      for (let row = 0; row < x.h; row++)
        for (let column = 0; column < x.w; column++)
          for (let i = 0; i < factor; i++)
            for (let j = 0; j < factor; j++) {
              const value = inputs.x![pixelIndex(x, n, row, column) + c * factor ** 2 + i * factor + j]!;
              out[pixelIndex(y, n, row * factor + i, column * factor + j) + c] = value;
            }
  return { y: out };
}

export function pixelUnshuffleReference(
  { x, y, factor }: PixelShuffleParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < y.n; n++)
    for (let c = 0; c < x.c; c++)
      for (let row = 0; row < y.h; row++)
        for (let column = 0; column < y.w; column++)
          for (let i = 0; i < factor; i++)
            for (let j = 0; j < factor; j++) {
              const value = inputs.x![pixelIndex(x, n, row * factor + i, column * factor + j) + c]!;
              out[pixelIndex(y, n, row, column) + c * factor ** 2 + i * factor + j] = value;
            }
  return { y: out };
}
