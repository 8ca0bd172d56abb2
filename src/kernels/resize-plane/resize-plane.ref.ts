// The meaning of `resize-plane`, straight from the taps.

import type { NumberArray } from '../kernel.js';
import type { ResizePlaneParams } from './resize-plane.js';
import type { Taps } from './taps.js';

export function resizePlaneReference(
  { from, to, planes, taps }: ResizePlaneParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const x = inputs.x!;
  const y = new Float32Array(planes * to.width * to.height);
  for (let p = 0; p < planes; p++)
    for (let row = 0; row < to.height; row++)
      for (let column = 0; column < to.width; column++) {
        const line = (source: number) =>
          tapped(taps.columns, column, from.width, i => x[(p * from.height + source) * from.width + i]!);
        y[(p * to.height + row) * to.width + column] = tapped(taps.rows, row, from.height, line);
      }
  return { y };
}

/** One destination value of an axis. */
export function tapped(
  { first, start, weights }: Taps,
  index: number,
  count: number,
  value: (source: number) => number,
): number {
  let sum = 0;
  for (let k = start[index]!; k < start[index + 1]!; k++) {
    const source = Math.min(Math.max(first[index]! + k - start[index]!, 0), count - 1);
    sum += weights[k]! * value(source);
  }
  return sum;
}
