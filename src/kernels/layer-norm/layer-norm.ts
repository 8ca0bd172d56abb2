// Layer norm over the channels of tokens, with an optional second output that has the positions added; see layer-norm.wgsl.

import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layout,
  layoutElements,
  type Operand,
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
    const weights = layout(1, 1, 1, x.c);
    const affine: Operand = { access: 'read', type: 'f32', elements: layoutElements(weights), layout: weights };
    const positions = layout(1, 1, x.h * x.w, x.c);
    return {
      x: { access: 'read', type: 'store', elements: layoutElements(x), layout: x },
      gamma: affine,
      beta: affine,
      y: { access: 'write', type: 'store', elements: layoutElements(y), layout: y },
      ...(yPosition && {
        position: { access: 'read', type: 'f32', elements: layoutElements(positions), layout: positions },
        yPosition: { access: 'write', type: 'store', elements: layoutElements(yPosition), layout: yPosition },
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
          constants: {
            GROUPS: groups,
            CHANNELS: x.c,
            ROWS: rows,
            X_STRIDE: x.stride / 4,
            X_OFFSET: x.offset / 4,
            Y_STRIDE: y.stride / 4,
            Y_OFFSET: y.offset / 4,
            EPS: eps,
            ...(yPosition && {
              TOKENS: x.h * x.w,
              P_STRIDE: yPosition.stride / 4,
              P_OFFSET: yPosition.offset / 4,
            }),
          },
          bindings: ['read', 'read', 'read', 'write', ...(yPosition ? (['read', 'write'] as const) : [])],
        },
        workgroups: rowGrid(rows, target),
        operands: ['x', 'gamma', 'beta', 'y', ...(yPosition ? ['position', 'yPosition'] : [])],
        flops: values * 8,
        bytes: values * (yPosition ? 3 : 2) * bytesPerElement('store', target.precision) + (yPosition ? values * 4 : 0),
      },
    ];
  },
};
