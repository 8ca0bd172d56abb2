// Shapes on which `adain` is tested.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type AdainParams, adain } from './adain.js';
import { adainReference } from './adain.ref.js';

const tolerance = { f32: 5e-6, f16: 5e-3 };

const cases: Case<AdainParams>[] = [
  { name: 'one pixel', params: { x: layout(1, 1, 1, 8), style: layout(1, 1, 1, 8), y: layout(1, 1, 1, 8) }, tolerance },
  {
    name: '16x16, odd channels',
    params: { x: layout(1, 16, 16, 30), style: layout(1, 16, 16, 30), y: layout(1, 16, 16, 30) },
    tolerance,
    fill: { style: (_, random) => 3 + 2 * random() },
  },
  {
    name: 'batch 2, slices, a style of another size',
    params: { x: layout(2, 5, 7, 12, 20, 4), style: layout(2, 19, 23, 12, 16, 0), y: layout(2, 5, 7, 12, 24, 12) },
    tolerance,
  },
  {
    name: 'almost constant channels',
    params: { x: layout(1, 9, 9, 8), style: layout(1, 9, 9, 8), y: layout(1, 9, 9, 8) },
    // Deviations of 1e-3 around 5: a rounding of x is magnified a thousand times, in f16 beyond any use.
    tolerance: { f32: 1e-3, f16: Number.POSITIVE_INFINITY },
    fill: { x: (_, random) => 5 + random() / 1000 },
  },
];

export const adainTest: KernelTest<AdainParams> = {
  kernel: adain,
  cases,
  usual: [
    {
      name: '16x16x256',
      params: { x: layout(1, 16, 16, 256), style: layout(1, 16, 16, 256), y: layout(1, 16, 16, 256) },
    },
  ],
  reference: adainReference,
};
