// Folded normalisation with optional swish.

import { type Kernel, type Layout, type Operand, tensor, vectors } from '../kernel.js';

export interface NormalizeParams {
  readonly x: Layout;
  /** Same n, h, w and c as x. */
  readonly y: Layout;
  readonly activation: 'none' | 'swish';
}

/**
 * Operands: `x`, `y`; `scale` and `shift`, f32 [n, c rounded up to 4], zero in the padding.
 */
export const normalize: Kernel<NormalizeParams> = {
  name: 'normalize',
  operands({ x, y }): Record<string, Operand> {
    return {
      x: tensor('read', x),
      scale: vectors('read', x.n, x.c),
      shift: vectors('read', x.n, x.c),
      y: tensor('write', y),
    };
  },
};
