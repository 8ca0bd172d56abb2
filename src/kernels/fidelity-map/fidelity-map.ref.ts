// The meaning of `fidelity-map`.

import type { NumberArray } from '../kernel.js';
import type { FidelityMapParams } from './fidelity-map.js';

export function fidelityMapReference(
  { n, size, side }: FidelityMapParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const box = size / side;
  const y = new Float32Array(n * side * side);
  for (let picture = 0; picture < n; picture++)
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++) {
        let sum = 0;
        for (let i = 0; i < box; i++)
          for (let j = 0; j < box; j++) {
            sum += inputs.map![(picture * size + row * box + i) * size + column * box + j]!;
          }
        y[(picture * side + row) * side + column] = sum / box ** 2;
      }
  return { y };
}
