// The sum of two tensors, the second of which may be smaller.

import { type Kernel, type Layout, mismatch, type Operand, shapeOf, tensor } from '../kernel.js';

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
};
