// Group norm as a scale and a shift for each picture and channel, to be applied by `normalize` or on the load of a convolution;
// see strips.wgsl and group-norm.wgsl.

import { CodeFormerError } from '../../errors.js';
import { type Dispatch, type Kernel, type Layout, layout, layoutElements, type Operand, roundUp } from '../kernel.js';
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
    if (x.c % groups !== 0) {
      throw new CodeFormerError('SHAPE_MISMATCH', `Expected channels in ${groups} equal groups but received ${x.c}`);
    }
    const weights = layout(1, 1, 1, x.c);
    const affine = layout(x.n, 1, 1, x.c);
    return {
      x: { access: 'read', type: 'store', elements: layoutElements(x), layout: x },
      gamma: { access: 'read', type: 'f32', elements: layoutElements(weights), layout: weights },
      beta: { access: 'read', type: 'f32', elements: layoutElements(weights), layout: weights },
      strips: stripsOperand(x, target),
      scale: { access: 'write', type: 'f32', elements: layoutElements(affine), layout: affine },
      shift: { access: 'write', type: 'f32', elements: layoutElements(affine), layout: affine },
    };
  },
  dispatches({ x, groups, eps }, target): Dispatch[] {
    const strips = stripsOf(x, target);
    const stride = roundUp(x.c, 4);
    const partials = x.n * strips.count * 2 * stride;
    return [
      stripStatistics(x, 'x', 'strips', target),
      {
        shader: {
          name: `group-norm/${target.family}`,
          code: rowShader(code, target),
          constants: {
            CHANNELS: x.c / groups,
            GROUPS: groups,
            ROWS: x.n * groups,
            STRIDE: stride,
            PIXELS: x.h * x.w,
            STRIP: strips.length,
            STRIPS: strips.count,
            EPS: eps,
          },
          bindings: ['read', 'read', 'read', 'write', 'write'],
        },
        workgroups: rowGrid(x.n * groups, target),
        operands: ['strips', 'gamma', 'beta', 'scale', 'shift'],
        flops: partials * 5,
        bytes: (partials + 2 * stride + 2 * x.n * stride) * 4,
      },
    ];
  },
};
