// Shapes on which `normalize` is tested.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type NormalizeParams, normalize } from './normalize.js';
import { normalizeReference } from './normalize.ref.js';

const tolerance = { f32: 2e-6, f16: 2e-3 };

const cases: Case<NormalizeParams>[] = [
  { name: 'one pixel', params: { x: layout(1, 1, 1, 8), y: layout(1, 1, 1, 8), activation: 'swish' }, tolerance },
  {
    name: 'odd size, odd channels',
    params: { x: layout(1, 7, 5, 6), y: layout(1, 7, 5, 6), activation: 'none' },
    tolerance,
  },
  {
    name: 'batch 2, from and into slices',
    params: { x: layout(2, 9, 11, 12, 24, 12), y: layout(2, 9, 11, 12, 20, 4), activation: 'swish' },
    tolerance,
  },
];

export const normalizeTest: KernelTest<NormalizeParams> = {
  kernel: normalize,
  cases,
  usual: [
    { name: '256x256x128', params: { x: layout(1, 256, 256, 128), y: layout(1, 256, 256, 128), activation: 'swish' } },
  ],
  reference: normalizeReference,
};
