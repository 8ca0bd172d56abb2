// Folded normalisation with optional swish; see normalize.wgsl.

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
  roundUp,
  type Target,
} from '../kernel.js';
import code from './normalize.wgsl';

export interface NormalizeParams {
  readonly x: Layout;
  /** Same n, h, w and c as x. */
  readonly y: Layout;
  readonly activation: 'none' | 'swish';
}

/**
 * Operands: `x`, `y`; `scale` and `shift`, f32 [n, c rounded up to 4], zero in the padding.
 */
export const normalize: Kernel<NormalizeParams> = {
  name: 'normalize',
  operands({ x, y }): Record<string, Operand> {
    const affine: Operand = {
      access: 'read',
      type: 'f32',
      elements: x.n * roundUp(x.c, 4),
      layout: layout(x.n, 1, 1, x.c),
    };
    return {
      x: { access: 'read', type: 'store', elements: layoutElements(x), layout: x },
      scale: affine,
      shift: affine,
      y: { access: 'write', type: 'store', elements: layoutElements(y), layout: y },
    };
  },
  dispatches({ x, y, activation }, target: Target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const count = x.n * x.h * x.w * groups;
    return [
      {
        shader: {
          name: 'normalize',
          code,
          constants: {
            PIXELS: x.h * x.w,
            COUNT: count,
            GROUPS: groups,
            X_STRIDE: x.stride / 4,
            X_OFFSET: x.offset / 4,
            Y_STRIDE: y.stride / 4,
            Y_OFFSET: y.offset / 4,
            SWISH: activation === 'swish' ? 1 : 0,
          },
          bindings: ['read', 'read', 'read', 'write'],
        },
        workgroups: linearGrid(count, 64),
        operands: ['x', 'scale', 'shift', 'y'],
        flops: count * (activation === 'swish' ? 24 : 8),
        bytes: 2 * count * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
