// Multi-head attention.

import { type Kernel, type Layout, mismatch, type Operand, tensor } from '../kernel.js';

export interface AttentionParams {
  /** Tokens are pixels in rows. q, k, v and y have the same n, h, w and c; head i has channels i * c / heads and on. */
  readonly q: Layout;
  readonly k: Layout;
  readonly v: Layout;
  readonly y: Layout;
  readonly heads: number;
  /** Of q . k, before the softmax. */
  readonly scale: number;
}

/**
 * Operands: `q`, `k`, `v`, which may be slices of one buffer; `y`.
 * @throws `SHAPE_MISMATCH` when the channels are no `heads` times a multiple of 4
 */
export const attention: Kernel<AttentionParams> = {
  name: 'attention',
  operands({ q, k, v, y, heads }): Record<string, Operand> {
    if (q.c % (heads * 4) !== 0) throw mismatch(`channels in ${heads} heads of a multiple of 4`, q.c);
    return {
      q: tensor('read', q),
      k: tensor('read', k),
      v: tensor('read', v),
      y: tensor('write', y),
    };
  },
};
