// The meaning of `resize-area`: means channel by channel.

import type { NumberArray } from '../kernel.js';
import { tapped } from '../resize-plane/resize-plane.ref.js';
import { roundHalfEven } from '../resize-plane/taps.js';
import type { ResizeAreaParams } from './resize-area.js';

export function resizeAreaReference(
  { from, to, taps, factors, premultiplied }: ResizeAreaParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const y = new Uint8Array(4 * to.width * to.height);
  const halfUp = factors?.[0] === 2 && factors[1] === 2;
  for (let row = 0; row < to.height; row++)
    for (let column = 0; column < to.width; column++)
      for (let c = 0; c < 4; c++) {
        const meanOf = (value: (at: number) => number) =>
          tapped(taps.rows, row, from.height, source =>
            tapped(taps.columns, column, from.width, i => value(4 * (source * from.width + i))),
          );
        const alpha = meanOf(at => bytes[at + 3]!);
        const seen = () => (alpha > 0 ? meanOf(at => bytes[at + c]! * bytes[at + 3]!) / alpha : 0);
        const mean = premultiplied && c < 3 ? seen() : meanOf(at => bytes[at + c]!);
        y[4 * (row * to.width + column) + c] = halfUp ? Math.floor(mean + 0.5) : roundHalfEven(mean);
      }
  return { y: new Uint32Array(y.buffer) };
}
