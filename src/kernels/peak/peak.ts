// The largest magnitude of a tensor, to know whether half precision is enough for it.

import { array, type Kernel, type Layout, type Operand, tensor } from '../kernel.js';

export interface PeakParams {
  readonly x: Layout;
}

/** Operands: `x`; `peak`, the bits of the largest magnitude so far as f32: those of infinity and of what is no number are larger than all. */
export const peak: Kernel<PeakParams> = {
  name: 'peak',
  operands({ x }): Record<string, Operand> {
    return { x: tensor('read', x), peak: array('update', 'u32', 1) };
  },
};
