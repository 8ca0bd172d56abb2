// Maximum over 3x3 windows with stride 2.

import { ceilDiv, type Kernel, type Layout, mismatch, type Operand, shapeOf, tensor } from '../kernel.js';

export interface MaxPoolParams {
  readonly x: Layout;
  /** As x, with half the height and width, rounded up: windows are centred on every second pixel. */
  readonly y: Layout;
}

/**
 * Operands: `x`, `y`.
 * @throws `SHAPE_MISMATCH` when x and y are not related in this way
 */
export const maxPool: Kernel<MaxPoolParams> = {
  name: 'max-pool',
  operands({ x, y }): Record<string, Operand> {
    if (y.n !== x.n || y.c !== x.c || y.h !== ceilDiv(x.h, 2) || y.w !== ceilDiv(x.w, 2))
      throw mismatch(`half of ${shapeOf(x)}`, shapeOf(y));
    return { x: tensor('read', x), y: tensor('write', y) };
  },
};
