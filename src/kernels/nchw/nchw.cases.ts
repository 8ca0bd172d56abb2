// Shapes on which `nchw-to-tensor` and `tensor-to-nchw` are tested.

import { type KernelTest, layout } from '../kernel.js';
import { type NchwToTensorParams, nchwToTensor, type TensorToNchwParams, tensorToNchw } from './nchw.js';
import { nchwToTensorReference, tensorToNchwReference } from './nchw.ref.js';

const tolerance = { f32: 0, f16: 1e-3 };

const shapes = [
  { name: 'one pixel', shape: layout(1, 1, 1, 3) },
  { name: 'odd size, odd channels', shape: layout(1, 7, 5, 30) },
  { name: 'batch 2, slice', shape: layout(2, 9, 11, 12, 24, 8) },
];

export const nchwToTensorTest: KernelTest<NchwToTensorParams> = {
  kernel: nchwToTensor,
  cases: shapes.map(({ name, shape }) => ({ name, params: { y: shape }, tolerance })),
  usual: [{ name: '512x512x3', params: { y: layout(1, 512, 512, 3) } }],
  reference: nchwToTensorReference,
};

export const tensorToNchwTest: KernelTest<TensorToNchwParams> = {
  kernel: tensorToNchw,
  cases: shapes.map(({ name, shape }) => ({ name, params: { x: shape }, tolerance })),
  usual: [{ name: '512x512x3', params: { x: layout(1, 512, 512, 3) } }],
  reference: tensorToNchwReference,
};
