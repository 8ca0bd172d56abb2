// Between tensors and the arrays of the networks' interface, float32 planes [n, c, h, w]; see nchw-to-tensor.wgsl and
// tensor-to-nchw.wgsl.

import {
  array,
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
} from '../kernel.js';
import fromNchw from './nchw-to-tensor.wgsl';
import toNchw from './tensor-to-nchw.wgsl';

export interface NchwToTensorParams {
  readonly y: Layout;
}

export interface TensorToNchwParams {
  readonly x: Layout;
}

const planes = (access: 'read' | 'write', l: Layout): Operand => array(access, 'f32', l.n * l.c * l.h * l.w);

/** Operands: `input`, f32 [n, c, h, w]; `y`. */
export const nchwToTensor: Kernel<NchwToTensorParams> = {
  name: 'nchw-to-tensor',
  operands: ({ y }) => ({ input: planes('read', y), y: tensor('write', y) }),
  dispatches: ({ y }, target) => dispatches('nchw-to-tensor', fromNchw, y, ['input', 'y'], target),
};

/** Operands: `x`; `output`, f32 [n, c, h, w]. */
export const tensorToNchw: Kernel<TensorToNchwParams> = {
  name: 'tensor-to-nchw',
  operands: ({ x }) => ({ x: tensor('read', x), output: planes('write', x) }),
  dispatches: ({ x }, target) => dispatches('tensor-to-nchw', toNchw, x, ['x', 'output'], target),
};

function dispatches(name: string, code: string, l: Layout, operands: readonly string[], target: Target): Dispatch[] {
  const pixels = l.h * l.w;
  const groups = ceilDiv(l.c, 4);
  const count = l.n * groups * pixels;
  return [
    {
      shader: { name, code },
      plan: { pixels, channels: l.c, groups, count, ...placeOf('x', l) },
      workgroups: linearGrid(count),
      operands,
      flops: 0,
      bytes: l.n * l.c * pixels * 4 + count * 4 * bytesPerElement('store', target.precision),
    },
  ];
}
