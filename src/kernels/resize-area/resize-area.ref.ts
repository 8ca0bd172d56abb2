// The meaning of `resize-area`: means channel by channel.

import type { NumberArray } from '../kernel.js';
import { tapped } from '../resize-plane/resize-plane.ref.js';
import { roundHalfEven } from '../resize-plane/taps.js';
import type { ResizeAreaParams } from './resize-area.js';

export function resizeAreaReference(
  { from, to, taps, factors }: ResizeAreaParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const y = new Uint8Array(4 * to.width * to.height);
  const halfUp = factors?.[0] === 2 && factors[1] === 2;
  for (let row = 0; row < to.height; row++)
    for (let column = 0; column < to.width; column++)
      for (let c = 0; c < 4; c++) {
        const line = (source: number) =>
          tapped(taps.columns, column, from.width, i => bytes[4 * (source * from.width + i) + c]!);
        const mean = tapped(taps.rows, row, from.height, line);
        y[4 * (row * to.width + column) + c] = halfUp ? Math.floor(mean + 0.5) : roundHalfEven(mean);
      }
  return { y: new Uint32Array(y.buffer) };
}
