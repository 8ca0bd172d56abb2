// Layer norm over the channels of tokens, with an optional second output that has the positions added.

import { type Kernel, type Layout, layout, type Operand, tensor, vectors } from '../kernel.js';

export interface LayerNormParams {
  readonly x: Layout;
  /** Same n, h, w and c as x. */
  readonly y: Layout;
  readonly eps: number;
  /** Of the second output, y + position; same n, h, w and c as x. */
  readonly yPosition?: Layout;
}

/**
 * Operands: `x`; `gamma` and `beta`, f32 [c rounded up to 4], zero in the padding; `y`; with `yPosition` also `position`, f32
 * [h * w, c rounded up to 4], zero in the padding, and `yPosition`. The variance is the population's.
 */
export const layerNorm: Kernel<LayerNormParams> = {
  name: 'layer-norm',
  operands({ x, y, yPosition }): Record<string, Operand> {
    return {
      x: tensor('read', x),
      gamma: vectors('read', 1, x.c),
      beta: vectors('read', 1, x.c),
      y: tensor('write', y),
      ...(yPosition && {
        position: tensor('read', layout(1, 1, x.h * x.w, x.c), 'f32'),
        yPosition: tensor('write', yPosition),
      }),
    };
  },
};
