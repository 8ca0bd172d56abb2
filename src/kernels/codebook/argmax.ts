// The best code of every token; see argmax.wgsl.

import { CodeFormerError } from '../../errors.js';
import {
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layoutElements,
  linearGrid,
  type Operand,
} from '../kernel.js';
import code from './argmax.wgsl';

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
    if (logits.c < 2) {
      throw new CodeFormerError('SHAPE_MISMATCH', `Expected logits of two or more codes but received ${logits.c}`);
    }
    const tokens = logits.n * logits.h * logits.w;
    return {
      logits: { access: 'read', type: 'f32', elements: layoutElements(logits), layout: logits },
      indices: { access: 'write', type: 'i32', elements: tokens },
      margin: { access: 'write', type: 'f32', elements: tokens },
    };
  },
  dispatches({ logits }): Dispatch[] {
    const tokens = logits.n * logits.h * logits.w;
    const values = tokens * ceilDiv(logits.c, 4) * 4;
    return [
      {
        shader: {
          name: 'codebook/argmax',
          code,
          constants: { CODES: logits.c, TOKENS: tokens, STRIDE: logits.stride / 4, OFFSET: logits.offset / 4 },
          bindings: ['read', 'write', 'write'],
        },
        workgroups: linearGrid(tokens, 64),
        operands: ['logits', 'indices', 'margin'],
        flops: values * 4,
        bytes: values * 4 + tokens * 8,
      },
    ];
  },
};
