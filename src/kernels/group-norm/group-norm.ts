// Group norm as a scale and a shift for each picture and channel, to be applied by `normalize` or on the load of a convolution;
// see strips.wgsl and group-norm.wgsl.

import {
  type Dispatch,
  type Kernel,
  type Layout,
  mismatch,
  type Operand,
  roundUp,
  tensor,
  vectors,
} from '../kernel.js';
import { rowGrid, rowShader, stripStatistics, stripsOf, stripsOperand } from '../statistics/statistics.js';
import code from './group-norm.wgsl';

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
  operands({ x, groups }, target): Record<string, Operand> {
    if (x.c % groups !== 0) throw mismatch(`channels in ${groups} equal groups`, x.c);
    return {
      x: tensor('read', x),
      gamma: vectors('read', 1, x.c),
      beta: vectors('read', 1, x.c),
      strips: stripsOperand(x, target),
      scale: vectors('write', x.n, x.c),
      shift: vectors('write', x.n, x.c),
    };
  },
  dispatches({ x, groups, eps }, target): Dispatch[] {
    const strips = stripsOf(x, target);
    const stride = roundUp(x.c, 4);
    const partials = x.n * strips.count * 2 * stride;
    return [
      stripStatistics(x, 'x', 'strips', target),
      {
        shader: { name: `group-norm/${target.family}`, code: rowShader(code, target) },
        plan: {
          channels: x.c / groups,
          groups,
          rows: x.n * groups,
          stride,
          pixels: x.h * x.w,
          strip: strips.length,
          strips: strips.count,
          eps,
        },
        workgroups: rowGrid(x.n * groups, target),
        operands: ['strips', 'gamma', 'beta', 'scale', 'shift'],
        flops: partials * 5,
        bytes: (partials + 2 * stride + 2 * x.n * stride) * 4,
      },
    ];
  },
};
