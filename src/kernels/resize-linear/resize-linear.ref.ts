// The meaning of `resize-linear`: the fixed-point arithmetic channel by channel, on the taps that the kernel gets.

import type { NumberArray } from '../kernel.js';
import { roundHalfEven } from '../resize-plane/taps.js';
import type { ResizeLinearParams } from './resize-linear.js';

export function resizeLinearReference(
  { from, to, premultiplied }: ResizeLinearParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { x, columns, rows } = inputs as Record<'x' | 'columns' | 'rows', NumberArray>;
  const y = new Uint32Array(to.width * to.height);
  const channel = (row: number, column: number, c: number) =>
    Math.floor(x[row * from.width + column]! / 256 ** c) % 256;
  for (let row = 0; row < to.height; row++)
    for (let column = 0; column < to.width; column++) {
      const [left, right, leftWeight, rightWeight] = columns.slice(4 * column, 4 * column + 4);
      const [above, below, aboveWeight, belowWeight] = rows.slice(4 * row, 4 * row + 4);
      const part = (source: number, weight: number, c: number) => {
        const sum = channel(source, left!, c) * leftWeight! + channel(source, right!, c) * rightWeight!;
        return Math.floor((Math.floor(sum / 2 ** 4) * weight) / 2 ** 16);
      };
      for (let c = 0; c < 4; c++) {
        if (premultiplied && c < 3) {
          const weighed = (value: (y: number, x: number) => number) =>
            [above!, below!].reduce((sum, y, j) => {
              const across = leftWeight! * value(y, left!) + rightWeight! * value(y, right!);
              return sum + [aboveWeight!, belowWeight!][j]! * across;
            }, 0);
          const weight = weighed((y, x) => channel(y, x, 3));
          const colour = weighed((y, x) => channel(y, x, 3) * channel(y, x, c)) / Math.max(weight, 1);
          y[row * to.width + column]! += roundHalfEven(colour) * 256 ** c;
          continue;
        }
        const sum = part(above!, aboveWeight!, c) + part(below!, belowWeight!, c);
        y[row * to.width + column]! += Math.floor((sum + 2) / 4) * 256 ** c;
      }
    }
  return { y };
}
