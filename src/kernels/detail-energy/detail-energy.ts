// How much detail each part of a picture has beyond the half of its size.

import { array, type Kernel, mismatch, type Operand } from '../kernel.js';

export interface DetailEnergyParams {
  /** Side of the picture, which is square: a multiple of twice the cells. */
  readonly side: number;
  /** Along each axis. */
  readonly cells: number;
}

/**
 * Operands: `x` and `half`, a pixel of 8-bit RGBA in each u32, red in the low byte; `energy`, f32 [cells, cells], in squared levels.
 * @throws `SHAPE_MISMATCH` for sides that do not fit
 */
export const detailEnergy: Kernel<DetailEnergyParams> = {
  name: 'detail-energy',
  operands({ side, cells }): Record<string, Operand> {
    if (side % (2 * cells) !== 0) throw mismatch(`a multiple of ${2 * cells}`, side);
    return {
      x: array('read', 'u32', side ** 2),
      half: array('read', 'u32', (side / 2) ** 2),
      energy: array('write', 'f32', cells ** 2),
    };
  },
};
