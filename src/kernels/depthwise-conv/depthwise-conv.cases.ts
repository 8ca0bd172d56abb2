// Shapes on which `depthwise-conv` is tested.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type DepthwiseConvParams, depthwiseConv } from './depthwise-conv.js';
import { depthwiseConvReference } from './depthwise-conv.ref.js';

const tolerance = { f32: 2e-6, f16: 5e-3 };

const cases: Case<DepthwiseConvParams>[] = [
  { name: 'one pixel', params: { x: layout(1, 1, 1, 8), y: layout(1, 1, 1, 8), stride: 1, slope: 0.1 }, tolerance },
  {
    name: 'one pixel, stride 2',
    params: { x: layout(1, 1, 1, 4), y: layout(1, 1, 1, 4), stride: 2, slope: 0 },
    tolerance,
  },
  {
    name: 'odd size, odd channels',
    params: { x: layout(1, 7, 13, 6), y: layout(1, 7, 13, 6), stride: 1, slope: 1 },
    tolerance,
  },
  {
    name: 'stride 2, odd size',
    params: { x: layout(1, 9, 15, 16), y: layout(1, 5, 8, 16), stride: 2, slope: 0.1 },
    tolerance,
  },
  {
    name: 'stride 2, even size, batch 2, from and into slices',
    params: { x: layout(2, 6, 18, 8, 20, 8), y: layout(2, 3, 9, 8, 12, 4), stride: 2, slope: 0.1 },
    tolerance,
  },
];

export const depthwiseConvTest: KernelTest<DepthwiseConvParams> = {
  kernel: depthwiseConv,
  cases,
  usual: [
    { name: '160x160x64', params: { x: layout(1, 160, 160, 64), y: layout(1, 160, 160, 64), stride: 1, slope: 0.1 } },
  ],
  reference: depthwiseConvReference,
};
