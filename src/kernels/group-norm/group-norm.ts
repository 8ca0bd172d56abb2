// Group norm as a scale and a shift for each picture and channel, to be applied by `normalize` or on the load of a convolution.

import { type Kernel, type Layout, mismatch, type Operand, tensor, vectors } from '../kernel.js';

export interface GroupNormParams {
  readonly x: Layout;
  /** Number of groups, each of c / groups consecutive channels. */
  readonly groups: number;
  readonly eps: number;
}

/**
 * Operands: `x`; `gamma` and `beta`, f32 [c rounded up to 4], zero in the padding; `scale` and `shift`, f32 [n, c rounded up to 4],
 * zero in the padding, such that x * scale + shift is the group norm. The variance is the population's.
 * @throws `SHAPE_MISMATCH` when the groups do not divide the channels
 */
export const groupNorm: Kernel<GroupNormParams> = {
  name: 'group-norm',
  operands({ x, groups }): Record<string, Operand> {
    if (x.c % groups !== 0) throw mismatch(`channels in ${groups} equal groups`, x.c);
    return {
      x: tensor('read', x),
      gamma: vectors('read', 1, x.c),
      beta: vectors('read', 1, x.c),
      scale: vectors('write', x.n, x.c),
      shift: vectors('write', x.n, x.c),
    };
  },
};
