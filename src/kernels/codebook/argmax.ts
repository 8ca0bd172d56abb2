// The best code of every token.

import { array, type Kernel, type Layout, mismatch, type Operand, tensor } from '../kernel.js';

export interface ArgmaxParams {
  /** Of f32: tokens are pixels in rows, channels are codes, two or more. */
  readonly logits: Layout;
}

/**
 * Operands: `logits`, f32; `indices`, i32 [tokens]: the lowest of the largest; `margin`, f32 [tokens]: the largest logit minus the
 * second largest, zero on a tie.
 * @throws `SHAPE_MISMATCH` for fewer than two codes, which have no margin
 */
export const argmax: Kernel<ArgmaxParams> = {
  name: 'codebook/argmax',
  operands({ logits }): Record<string, Operand> {
    if (logits.c < 2) throw mismatch('logits of two or more codes', logits.c);
    const tokens = logits.n * logits.h * logits.w;
    return {
      logits: tensor('read', logits, 'f32'),
      indices: array('write', 'i32', tokens),
      margin: array('write', 'f32', tokens),
    };
  },
};
