// Codes to features; see lookup.wgsl.

import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layout,
  layoutElements,
  linearGrid,
  type Operand,
} from '../kernel.js';
import code from './lookup.wgsl';

export interface LookupParams {
  /** Entries of the codebook. */
  readonly codes: number;
  /** One pixel for each index, c as wide as the entries. */
  readonly y: Layout;
}

/**
 * Operands: `indices`, i32 [n * h * w], taken as the nearest of 0 to codes - 1; `codebook`, f32 [codes, c rounded up to 4], zero in
 * the padding; `y`.
 */
export const lookup: Kernel<LookupParams> = {
  name: 'codebook/lookup',
  operands({ codes, y }): Record<string, Operand> {
    const entries = layout(1, 1, codes, y.c);
    return {
      indices: { access: 'read', type: 'i32', elements: y.n * y.h * y.w },
      codebook: { access: 'read', type: 'f32', elements: layoutElements(entries), layout: entries },
      y: { access: 'write', type: 'store', elements: layoutElements(y), layout: y },
    };
  },
  dispatches({ codes, y }, target): Dispatch[] {
    const groups = ceilDiv(y.c, 4);
    const count = y.n * y.h * y.w * groups;
    return [
      {
        shader: {
          name: 'codebook/lookup',
          code,
          constants: { CODES: codes, GROUPS: groups, COUNT: count, Y_STRIDE: y.stride / 4, Y_OFFSET: y.offset / 4 },
          bindings: ['read', 'read', 'write'],
        },
        workgroups: linearGrid(count, 64),
        operands: ['indices', 'codebook', 'y'],
        flops: 0,
        bytes: count * (16 + 4 * bytesPerElement('store', target.precision)),
      },
    ];
  },
};
