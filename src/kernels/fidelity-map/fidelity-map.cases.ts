// Shapes on which `fidelity-map` is tested.

import type { Case, KernelTest } from '../kernel.js';
import { type FidelityMapParams, fidelityMap } from './fidelity-map.js';
import { fidelityMapReference } from './fidelity-map.ref.js';

const tolerance = { f32: 1e-6, f16: 1e-6 };

const cases: Case<FidelityMapParams>[] = [
  { name: 'to one value', params: { n: 1, size: 16, side: 1 }, tolerance },
  { name: 'the same size', params: { n: 1, size: 9, side: 9 }, tolerance: { f32: 0, f16: 0 } },
  { name: 'batch 2, by 3', params: { n: 2, size: 33, side: 11 }, tolerance },
  {
    name: 'a constant map stays exact',
    params: { n: 1, size: 64, side: 8 },
    tolerance: { f32: 0, f16: 0 },
    fill: { map: () => 0.7 },
  },
];

export const fidelityMapTest: KernelTest<FidelityMapParams> = {
  kernel: fidelityMap,
  cases,
  usual: [{ name: '512 to 64', params: { n: 1, size: 512, side: 64 } }],
  reference: fidelityMapReference,
};
