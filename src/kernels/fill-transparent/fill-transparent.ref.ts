// The meaning of `pull-colours` and `push-colours`.

import type { NumberArray } from '../kernel.js';
import { halved, type PullColoursParams, type PushColoursParams } from './fill-transparent.js';

type Inputs = Readonly<Record<string, NumberArray>>;

const bytesOf = (words: NumberArray) => new Uint8Array(Uint32Array.from(words).buffer);

export function pullColoursReference({ from }: PullColoursParams, inputs: Inputs): Record<string, NumberArray> {
  const x = bytesOf(inputs.x!);
  const to = halved(from);
  const y = new Uint8Array(4 * to.width * to.height);
  for (let row = 0; row < to.height; row++)
    for (let column = 0; column < to.width; column++) {
      const seen: number[] = [];
      for (let v = 2 * row; v < Math.min(2 * row + 2, from.height); v++)
        for (let u = 2 * column; u < Math.min(2 * column + 2, from.width); u++) seen.push(4 * (v * from.width + u));
      const alpha = seen.reduce((sum, at) => sum + x[at + 3]!, 0);
      const at = 4 * (row * to.width + column);
      for (let c = 0; c < 3; c++) {
        const sum = seen.reduce((total, from) => total + x[from + 3]! * x[from + c]!, 0);
        y[at + c] = alpha === 0 ? 0 : Math.floor((sum + Math.floor(alpha / 2)) / alpha);
      }
      y[at + 3] = Math.min(alpha, 255);
    }
  return { y: new Uint32Array(y.buffer) };
}

export function pushColoursReference({ rect, coarse }: PushColoursParams, inputs: Inputs): Record<string, NumberArray> {
  const x = bytesOf(inputs.x!);
  const small = bytesOf(inputs.coarse!);
  const { columns, rows } = inputs as Record<'columns' | 'rows', NumberArray>;
  const y = new Uint8Array(x.length);
  const inside = (value: number, count: number) => Math.min(Math.max(value, 0), count - 1);
  for (let row = 0; row < rect.height; row++)
    for (let column = 0; column < rect.width; column++) {
      const [u, v] = [columns[column]! / 256, rows[row]! / 256];
      const [left, top] = [Math.floor(u), Math.floor(v)];
      const under = [0, 1, 2, 3].map(c => {
        const at = (dx: number, dy: number) =>
          small[4 * (inside(top + dy, coarse.height) * coarse.width + inside(left + dx, coarse.width)) + c]!;
        const [fx, fy] = [u - left, v - top];
        return (at(0, 0) * (1 - fx) + at(1, 0) * fx) * (1 - fy) + (at(0, 1) * (1 - fx) + at(1, 1) * fx) * fy;
      });
      const at = 4 * (row * rect.width + column);
      const share = Math.min(8 * x[at + 3]!, 255) / 255;
      for (let c = 0; c < 4; c++) {
        if (under[3] === 0) y[at + c] = x[at + c]!;
        else if (c === 3) y[at + c] = 255;
        // Halves of 255 are 127 in integers.
        else y[at + c] = Math.floor(under[c]! * (1 - share) + x[at + c]! * share + 127 / 255 + 1e-9);
      }
    }
  return { y: new Uint32Array(y.buffer) };
}
