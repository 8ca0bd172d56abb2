// From logits of classes to a map of labels; see label-map.wgsl.

import {
  array,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  linearGrid,
  mismatch,
  type Operand,
  placeOf,
  tensor,
} from '../kernel.js';
import code from './label-map.wgsl';

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
  dispatches({ logits }): Dispatch[] {
    const pixels = logits.n * logits.h * logits.w;
    return [
      {
        shader: { name: 'label-map', code },
        plan: { classes: logits.c, pixels, ...placeOf('x', logits) },
        workgroups: linearGrid(ceilDiv(pixels, 4)),
        operands: ['logits', 'labels'],
        flops: pixels * logits.c * 3,
        bytes: pixels * (logits.c * 4 + 1),
      },
    ];
  },
};
