// The meaning of `detail-energy`.

import type { NumberArray } from '../kernel.js';
import type { DetailEnergyParams } from './detail-energy.js';

export function detailEnergyReference(
  { side, cells }: DetailEnergyParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const luma = (words: NumberArray) => {
    const bytes = new Uint8Array(Uint32Array.from(words).buffer);
    return Float64Array.from(
      words,
      (_, i) => 0.299 * bytes[4 * i]! + 0.587 * bytes[4 * i + 1]! + 0.114 * bytes[4 * i + 2]!,
    );
  };
  const [whole, half] = [luma(inputs.x!), luma(inputs.half!)];
  const halfSide = side / 2;
  const inside = (at: number) => Math.min(Math.max(at, 0), halfSide - 1);
  /** Linear interpolation between the centres of the half's pixels. */
  const smooth = (x: number, y: number) => {
    const [u, v] = [(x + 0.5) / 2 - 0.5, (y + 0.5) / 2 - 0.5];
    const [left, top] = [Math.floor(u), Math.floor(v)];
    const at = (dx: number, dy: number) => half[inside(top + dy) * halfSide + inside(left + dx)]!;
    const [fx, fy] = [u - left, v - top];
    return (at(0, 0) * (1 - fx) + at(1, 0) * fx) * (1 - fy) + (at(0, 1) * (1 - fx) + at(1, 1) * fx) * fy;
  };
  const energy = new Float32Array(cells ** 2);
  const length = side / cells;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const cell = Math.floor(y / length) * cells + Math.floor(x / length);
      energy[cell]! += (whole[y * side + x]! - smooth(x, y)) ** 2 / length ** 2;
    }
  return { energy };
}
