// Folded normalisation with optional swish; see normalize.wgsl.

import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  linearGrid,
  type Operand,
  placeOf,
  type Target,
  tensor,
  vectors,
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
    return {
      x: tensor('read', x),
      scale: vectors('read', x.n, x.c),
      shift: vectors('read', x.n, x.c),
      y: tensor('write', y),
    };
  },
  dispatches({ x, y, activation }, target: Target): Dispatch[] {
    const groups = ceilDiv(x.c, 4);
    const count = x.n * x.h * x.w * groups;
    return [
      {
        shader: { name: 'normalize', code, constants: { SWISH: activation === 'swish' ? 1 : 0 } },
        plan: { pixels: x.h * x.w, count, groups, ...placeOf('x', x), ...placeOf('y', y) },
        workgroups: linearGrid(count),
        operands: ['x', 'scale', 'shift', 'y'],
        flops: count * (activation === 'swish' ? 24 : 8),
        bytes: 2 * count * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};
