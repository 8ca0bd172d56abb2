// From logits of classes to a map of labels.

import { array, ceilDiv, type Kernel, type Layout, mismatch, type Operand, tensor } from '../kernel.js';

export interface LabelMapParams {
  /** Of f32: channels are classes, 256 at most. */
  readonly logits: Layout;
}

/**
 * Operands: `logits`, f32; `labels`, u32 [pixels / 4]: bytes, four to a word, the lowest class on a tie.
 * @throws `SHAPE_MISMATCH` for more classes than a byte can tell
 */
export const labelMap: Kernel<LabelMapParams> = {
  name: 'label-map',
  operands({ logits }): Record<string, Operand> {
    if (logits.c > 256) throw mismatch('at most 256 classes', logits.c);
    return {
      logits: tensor('read', logits, 'f32'),
      labels: array('write', 'u32', ceilDiv(logits.n * logits.h * logits.w, 4)),
    };
  },
};
