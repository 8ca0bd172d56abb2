// From logits of classes to a map of labels; see label-map.wgsl.

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
    if (logits.c > 256) {
      throw new CodeFormerError('SHAPE_MISMATCH', `Expected at most 256 classes but received ${logits.c}`);
    }
    return {
      logits: { access: 'read', type: 'f32', elements: layoutElements(logits), layout: logits },
      labels: { access: 'write', type: 'u32', elements: ceilDiv(logits.n * logits.h * logits.w, 4) },
    };
  },
  dispatches({ logits }): Dispatch[] {
    const pixels = logits.n * logits.h * logits.w;
    return [
      {
        shader: {
          name: 'label-map',
          code,
          constants: { CLASSES: logits.c, PIXELS: pixels, STRIDE: logits.stride / 4, OFFSET: logits.offset / 4 },
          bindings: ['read', 'write'],
        },
        workgroups: linearGrid(ceilDiv(pixels, 4), 64),
        operands: ['logits', 'labels'],
        flops: pixels * logits.c * 3,
        bytes: pixels * (logits.c * 4 + 1),
      },
    ];
  },
};
