// Adaptive instance normalisation.

import { type Kernel, type Layout, mismatch, type Operand, tensor } from '../kernel.js';

export interface AdainParams {
  readonly x: Layout;
  /** Same n and c as x; any h and w. */
  readonly style: Layout;
  /** Same n, h, w and c as x. */
  readonly y: Layout;
}

/**
 * y = (x - mean x) / deviation x * deviation style + mean style for each picture and channel; a deviation is the root of the sample
 * variance (over one pixel less) plus 1e-5.
 *
 * Operands: `x`, `style`, `y`.
 * @throws `SHAPE_MISMATCH` when x and style differ in n or c
 */
export const adain: Kernel<AdainParams> = {
  name: 'adain',
  operands({ x, style, y }): Record<string, Operand> {
    if (x.n !== style.n || x.c !== style.c)
      throw mismatch(`a style of ${x.n} pictures of ${x.c} channels`, `${style.n} of ${style.c}`);
    return {
      x: tensor('read', x),
      style: tensor('read', style),
      y: tensor('write', y),
    };
  },
};
