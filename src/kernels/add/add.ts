// The sum of two tensors, the second of which may be smaller; see add.wgsl.

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
import code from './add.wgsl';

export interface AddParams {
  readonly a: Layout;
  /** Not larger than a; enlarged to its size: row floor(row * b.h / a.h), columns likewise. */
  readonly b: Layout;
  readonly y: Layout;
  readonly alpha: number;
  /** Of negative sums: 0 is a rectifier, 1 changes nothing. */
  readonly slope: number;
}

/**
 * Operands: `a`, `b`, `y`.
 * @throws `SHAPE_MISMATCH`
 */
export const add: Kernel<AddParams> = {
  name: 'add',
  operands({ a, b, y }): Record<string, Operand> {
    const fits = y.n === a.n && y.h === a.h && y.w === a.w && y.c === a.c && b.n === a.n && b.c === a.c;
    if (!fits || b.h > a.h || b.w > a.w)
      throw mismatch(`${shapeOf(a)} and not more in b`, `${shapeOf(b)}, and ${shapeOf(y)} in y`);
    return { a: tensor('read', a), b: tensor('read', b), y: tensor('write', y) };
  },
  dispatches({ a, b, y, alpha, slope }, target): Dispatch[] {
    const groups = ceilDiv(a.c, 4);
    const pixels = a.n * a.h * a.w;
    return [
      {
        shader: { name: 'add', code },
        plan: {
          pixels,
          groups,
          height: a.h,
          width: a.w,
          b_height: b.h,
          b_width: b.w,
          ...placeOf('a', a),
          ...placeOf('b', b),
          ...placeOf('y', y),
          alpha,
          slope,
        },
        workgroups: linearGrid(pixels * groups),
        operands: ['a', 'b', 'y'],
        flops: pixels * groups * 12,
        bytes: 3 * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
