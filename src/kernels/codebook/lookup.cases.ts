// Shapes on which `lookup` is tested, with indices outside the codebook as well.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type LookupParams, lookup } from './lookup.js';
import { lookupReference } from './lookup.ref.js';

const tolerance = { f32: 0, f16: 1e-3 };

const cases: Case<LookupParams>[] = [
  {
    name: 'one token',
    params: { codes: 5, y: layout(1, 1, 1, 8) },
    tolerance,
    fill: { indices: () => 3 },
  },
  {
    name: 'batch 2, odd channels, into a slice',
    params: { codes: 37, y: layout(2, 5, 7, 30, 40, 4) },
    tolerance,
    fill: { indices: index => (index * 31) % 37 },
  },
  {
    name: 'indices outside the codebook',
    params: { codes: 16, y: layout(1, 16, 16, 20) },
    tolerance,
    fill: { indices: index => [-1, 16, 2 ** 31 - 1, -(2 ** 31), 15, 0][index % 6]! },
  },
];

export const lookupTest: KernelTest<LookupParams> = {
  kernel: lookup,
  cases,
  usual: [
    {
      name: '256 tokens, 1024 codes',
      params: { codes: 1024, y: layout(1, 16, 16, 256) },
      fill: { indices: index => (index * 31) % 1024 },
    },
  ],
  reference: lookupReference,
};
