// How much larger steps between pixels are at the edges of 8x8 blocks than beside them.

import type { Rect, Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';

export interface BlockStepsParams {
  readonly picture: Size;
  /** Inside of the picture. */
  readonly rect: Rect;
}

export const PHASES = 8;

/** Operands: `x`, a pixel of 8-bit RGBA in each u32, red in the low byte; `sums`, i32 [rows then columns of the rectangle, 8], for `blockiness`. */
export const blockSteps: Kernel<BlockStepsParams> = {
  name: 'block-steps',
  operands({ picture, rect }): Record<string, Operand> {
    return {
      x: array('read', 'u32', picture.width * picture.height),
      sums: array('write', 'i32', PHASES * (rect.width + rect.height)),
    };
  },
};

/** By how many levels steps at the edges of blocks are larger than beside them: the mean over rows and columns of the phase that stands out. */
export function blockiness(sums: Int32Array, { width, height }: Size): number {
  const along = (first: number, lines: number, length: number) => {
    const totals = new Float64Array(PHASES);
    for (let i = first; i < first + lines; i++)
      for (let phase = 0; phase < PHASES; phase++) totals[phase]! += sums[PHASES * i + phase]!;
    // Sums are of doubled differences, and each phase has an eighth of the steps.
    const steps = (2 * lines * Math.max(1, length - 3)) / PHASES;
    return totals.map(total => total / steps);
  };
  const [rows, columns] = [along(0, height, width), along(height, width, height)];
  return (Math.max(0, ...rows) + Math.max(0, ...columns)) / 2;
}
