// Adaptive instance normalisation: statistics of both pictures, scale and shift from them, and `normalize` to apply these; see
// strips.wgsl, adain.wgsl and normalize.wgsl.

import {
  array,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  linearGrid,
  mismatch,
  type Operand,
  roundUp,
  tensor,
} from '../kernel.js';
import { normalize } from '../normalize/normalize.js';
import { stripStatistics, stripsOf, stripsOperand } from '../statistics/statistics.js';
import code from './adain.wgsl';

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
 * Operands: `x`, `style`, `y`; scratch `xStrips`, `styleStrips`, `scale`, `shift`.
 * @throws `SHAPE_MISMATCH` when x and style differ in n or c
 */
export const adain: Kernel<AdainParams> = {
  name: 'adain',
  operands({ x, style, y }, target): Record<string, Operand> {
    if (x.n !== style.n || x.c !== style.c)
      throw mismatch(`a style of ${x.n} pictures of ${x.c} channels`, `${style.n} of ${style.c}`);
    const affine = array('scratch', 'f32', x.n * roundUp(x.c, 4));
    return {
      x: tensor('read', x),
      style: tensor('read', style),
      xStrips: stripsOperand(x, target),
      styleStrips: stripsOperand(style, target),
      scale: affine,
      shift: affine,
      y: tensor('write', y),
    };
  },
  dispatches({ x, style, y }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const own = stripsOf(x, target);
    const other = stripsOf(style, target);
    const values = x.n * groups * 4 * 2 * (own.count + other.count);
    return [
      stripStatistics(x, 'x', 'xStrips', target),
      stripStatistics(style, 'style', 'styleStrips', target),
      {
        shader: { name: 'adain', code },
        plan: {
          groups,
          count: x.n * groups,
          channels: x.c,
          x_pixels: x.h * x.w,
          x_strip: own.length,
          x_strips: own.count,
          s_pixels: style.h * style.w,
          s_strip: other.length,
          s_strips: other.count,
        },
        workgroups: linearGrid(x.n * groups),
        operands: ['xStrips', 'styleStrips', 'scale', 'shift'],
        flops: values * 4,
        bytes: (values + x.n * groups * 8) * 4,
      },
      ...normalize.dispatches({ x, y, activation: 'none' }, target),
    ];
  },
};
