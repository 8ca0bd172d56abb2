// Between tensors and the arrays of the networks' interface, float32 planes [n, c, h, w].

import { array, type Kernel, type Layout, type Operand, tensor } from '../kernel.js';

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
};

/** Operands: `x`; `output`, f32 [n, c, h, w]. */
export const tensorToNchw: Kernel<TensorToNchwParams> = {
  name: 'tensor-to-nchw',
  operands: ({ x }) => ({ x: tensor('read', x), output: planes('write', x) }),
};
