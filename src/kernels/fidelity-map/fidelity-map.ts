// Fidelity for each pixel of a crop, brought to the size of a fusion level.

import { array, type Kernel, mismatch, type Operand } from '../kernel.js';

export interface FidelityMapParams {
  readonly n: number;
  /** Side of the crop, in pixels: a multiple of `side`. */
  readonly size: number;
  /** Side of the level. */
  readonly side: number;
}

/**
 * Operands: `map`, f32 [n, size, size]; `y`, f32 [n, side, side].
 * @throws `SHAPE_MISMATCH` when the size is no multiple of the side
 */
export const fidelityMap: Kernel<FidelityMapParams> = {
  name: 'fidelity-map',
  operands({ n, size, side }): Record<string, Operand> {
    if (size % side !== 0) throw mismatch(`a map with a multiple of ${side} pixels`, size);
    return { map: array('read', 'f32', n * size * size), y: array('write', 'f32', n * side * side) };
  },
};
