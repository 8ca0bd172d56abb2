// Layer norm over the channels of tokens, with an optional second output that has the positions added; see layer-norm.wgsl.

import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layout,
  type Operand,
  placeOf,
  tensor,
  vectors,
} from '../kernel.js';
import { rowGrid, rowShader } from '../statistics/statistics.js';
import code from './layer-norm.wgsl';
import withPosition from './with-position.wgsl';
import withoutPosition from './without-position.wgsl';

export interface LayerNormParams {
  readonly x: Layout;
  /** Same n, h, w and c as x. */
  readonly y: Layout;
  readonly eps: number;
  /** Of the second output, y + position; same n, h, w and c as x. */
  readonly yPosition?: Layout;
}

/**
 * Operands: `x`; `gamma` and `beta`, f32 [c rounded up to 4], zero in the padding; `y`; with `yPosition` also `position`, f32
 * [h * w, c rounded up to 4], zero in the padding, and `yPosition`. The variance is the population's.
 */
export const layerNorm: Kernel<LayerNormParams> = {
  name: 'layer-norm',
  operands({ x, y, yPosition }): Record<string, Operand> {
    return {
      x: tensor('read', x),
      gamma: vectors('read', 1, x.c),
      beta: vectors('read', 1, x.c),
      y: tensor('write', y),
      ...(yPosition && {
        position: tensor('read', layout(1, 1, x.h * x.w, x.c), 'f32'),
        yPosition: tensor('write', yPosition),
      }),
    };
  },
  dispatches({ x, y, eps, yPosition }, target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const rows = x.n * x.h * x.w;
    const values = rows * groups * 4;
    return [
      {
        shader: {
          name: `layer-norm/${target.family}`,
          code: rowShader(`${yPosition ? withPosition : withoutPosition}\n${code}`, target),
        },
        plan: {
          groups,
          channels: x.c,
          rows,
          ...placeOf('x', x),
          ...placeOf('y', y),
          tokens: x.h * x.w,
          ...placeOf('p', yPosition ?? y),
          eps,
        },
        workgroups: rowGrid(rows, target),
        operands: ['x', 'gamma', 'beta', 'y', ...(yPosition ? ['position', 'yPosition'] : [])],
        flops: values * 8,
        bytes: values * (yPosition ? 3 : 2) * bytesPerElement('store', target.precision) + (yPosition ? values * 4 : 0),
      },
    ];
  },
};
