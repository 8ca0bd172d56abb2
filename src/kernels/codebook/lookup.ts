// Codes to features.

import { array, type Kernel, type Layout, layout, type Operand, tensor } from '../kernel.js';

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
    return {
      indices: array('read', 'i32', y.n * y.h * y.w),
      codebook: tensor('read', layout(1, 1, codes, y.c), 'f32'),
      y: tensor('write', y),
    };
  },
};
