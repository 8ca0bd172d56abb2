// The meaning of `resize-lanczos4`: the sum over 8x8 pixels channel by channel, in integers.

import type { NumberArray } from '../kernel.js';
import { tapped } from '../resize-plane/resize-plane.ref.js';
import { fixedWeights, type Taps } from '../resize-plane/taps.js';
import type { ResizeLanczos4Params } from './resize-lanczos4.js';

export function resizeLanczos4Reference(
  { from, to, taps, band, premultiplied }: ResizeLanczos4Params,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const words = Uint32Array.from(inputs.y!);
  const y = new Uint8ClampedArray(words.buffer);
  // Integers of 11 bits are exact as float32.
  const fixed = (t: Taps): Taps => ({ ...t, weights: Float32Array.from(fixedWeights(t.weights, 11)) });
  const [columns, rows] = [fixed(taps.columns), fixed(taps.rows)];
  for (let row = band.begin; row < band.end; row++)
    for (let column = 0; column < to.width; column++)
      for (let c = 0; c < 4; c++) {
        const sumOf = (value: (at: number) => number) =>
          tapped(rows, row, from.height, source =>
            tapped(columns, column, from.width, i => value(4 * (source * from.width + i))),
          );
        const alpha = sumOf(at => bytes[at + 3]!);
        const level = Math.floor((sumOf(at => bytes[at + c]!) + 2 ** 21) / 2 ** 22);
        const seen = () => (alpha >= 2 ** 21 ? Math.round(sumOf(at => bytes[at + c]! * bytes[at + 3]!) / alpha) : 0);
        y[4 * (row * to.width + column) + c] = premultiplied && c < 3 ? seen() : level;
      }
  return { y: words };
}
