// Maximum over 3x3 windows with stride 2; see max-pool.wgsl.

import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  linearGrid,
  mismatch,
  type Operand,
  placeOf,
  shapeOf,
  tensor,
} from '../kernel.js';
import code from './max-pool.wgsl';

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
  dispatches({ x, y }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const pixels = y.n * y.h * y.w;
    return [
      {
        shader: { name: 'max-pool', code },
        plan: {
          pixels,
          groups,
          height: x.h,
          width: x.w,
          y_height: y.h,
          y_width: y.w,
          ...placeOf('x', x),
          ...placeOf('y', y),
        },
        workgroups: linearGrid(pixels * groups),
        operands: ['x', 'y'],
        flops: pixels * groups * 36,
        bytes: 5 * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
