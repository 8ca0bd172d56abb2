// Shapes on which `group-norm` is tested: groups inside, across and beyond a vec4, and statistics that are hard to sum.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type GroupNormParams, groupNorm } from './group-norm.js';
import { groupNormReference } from './group-norm.ref.js';

const tolerance = { f32: 3e-6, f16: 3e-3 };
const eps = 1e-6;

const cases: Case<GroupNormParams>[] = [
  { name: 'one pixel', params: { x: layout(1, 1, 1, 8), groups: 2, eps }, tolerance },
  { name: 'groups of 3 channels', params: { x: layout(1, 13, 11, 48), groups: 16, eps }, tolerance },
  { name: 'one group, odd channels', params: { x: layout(1, 7, 5, 6), groups: 1, eps }, tolerance },
  { name: 'a group for each channel', params: { x: layout(1, 9, 9, 5), groups: 5, eps: 1e-5 }, tolerance },
  { name: 'batch 2, from a slice', params: { x: layout(2, 31, 33, 12, 24, 12), groups: 3, eps }, tolerance },
  { name: 'many strips', params: { x: layout(1, 67, 259, 8), groups: 2, eps }, tolerance },
  {
    name: 'a mean a thousand times the deviation',
    params: { x: layout(1, 40, 40, 8), groups: 4, eps },
    // No input for f16, which has steps of 1/2 there.
    tolerance: { f32: 2e-4, f16: Number.POSITIVE_INFINITY },
    fill: { x: (_, random) => 1000 + random() },
  },
  {
    name: 'channels far apart',
    params: { x: layout(1, 20, 20, 12), groups: 3, eps },
    tolerance,
    fill: { x: (index, random) => (index % 12) * 4 - 20 + random() / 4 },
  },
];

export const groupNormTest: KernelTest<GroupNormParams> = {
  kernel: groupNorm,
  cases,
  usual: [{ name: '512x512x64', params: { x: layout(1, 512, 512, 64), groups: 32, eps } }],
  reference: groupNormReference,
};
