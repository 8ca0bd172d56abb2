// Between tensors and the arrays of the networks' interface, float32 planes [n, c, h, w]; see nchw-to-tensor.wgsl and
// tensor-to-nchw.wgsl.

import {
  bytesPerElement,
  ceilDiv,
  type Dispatch,
  type Kernel,
  type Layout,
  layoutElements,
  linearGrid,
  type Operand,
  type Shader,
  type Target,
} from '../kernel.js';
import fromNchw from './nchw-to-tensor.wgsl';
import toNchw from './tensor-to-nchw.wgsl';

export interface NchwToTensorParams {
  readonly y: Layout;
}

export interface TensorToNchwParams {
  readonly x: Layout;
}

const planes = (l: Layout, access: 'read' | 'write'): Operand => ({
  access,
  type: 'f32',
  elements: l.n * l.c * l.h * l.w,
});

const tensor = (l: Layout, access: 'read' | 'write'): Operand => ({
  access,
  type: 'store',
  elements: layoutElements(l),
  layout: l,
});

/** Operands: `input`, f32 [n, c, h, w]; `y`. */
export const nchwToTensor: Kernel<NchwToTensorParams> = {
  name: 'nchw-to-tensor',
  operands: ({ y }) => ({ input: planes(y, 'read'), y: tensor(y, 'write') }),
  dispatches: ({ y }, target) => dispatches(y, { name: 'nchw-to-tensor', code: fromNchw }, 'Y', ['input', 'y'], target),
};

/** Operands: `x`; `output`, f32 [n, c, h, w]. */
export const tensorToNchw: Kernel<TensorToNchwParams> = {
  name: 'tensor-to-nchw',
  operands: ({ x }) => ({ x: tensor(x, 'read'), output: planes(x, 'write') }),
  dispatches: ({ x }, target) => dispatches(x, { name: 'tensor-to-nchw', code: toNchw }, 'X', ['x', 'output'], target),
};

function dispatches(
  l: Layout,
  shader: Pick<Shader, 'name' | 'code'>,
  prefix: 'X' | 'Y',
  operands: readonly string[],
  target: Target,
): Dispatch[] {
  const pixels = l.h * l.w;
  const groups = ceilDiv(l.c, 4);
  const count = l.n * groups * pixels;
  return [
    {
      shader: {
        ...shader,
        constants: {
          PIXELS: pixels,
          CHANNELS: l.c,
          GROUPS: groups,
          COUNT: count,
          [`${prefix}_STRIDE`]: l.stride / 4,
          [`${prefix}_OFFSET`]: l.offset / 4,
        },
        bindings: ['read', 'write'],
      },
      workgroups: linearGrid(count, 64),
      operands,
      flops: 0,
      bytes: l.n * l.c * pixels * 4 + count * 4 * bytesPerElement('store', target.precision),
    },
  ];
}
