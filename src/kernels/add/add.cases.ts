// Shapes on which `add` is tested.

import { type Case, type KernelTest, type Layout, layout } from '../kernel.js';
import { type AddParams, add } from './add.js';
import { addReference } from './add.ref.js';

const tolerance = { f32: 1e-6, f16: 2e-3 };

const plain = (l: Layout): AddParams => ({ a: l, b: l, y: l, alpha: 1, slope: 1 });

const cases: Case<AddParams>[] = [
  { name: 'one pixel', params: plain(layout(1, 1, 1, 4)), tolerance },
  { name: 'rectified, odd channels', params: { ...plain(layout(1, 5, 7, 6)), slope: 0 }, tolerance },
  {
    name: '14 to 27 rows, one column to 5',
    params: { ...plain(layout(1, 27, 5, 8)), b: layout(1, 14, 1, 8) },
    tolerance,
  },
  {
    name: 'batch 2, slices, scaled',
    params: {
      a: layout(2, 6, 9, 12, 24, 8),
      b: layout(2, 3, 5, 12, 16, 4),
      y: layout(2, 6, 9, 12, 20, 4),
      alpha: 0.2,
      slope: 0.1,
    },
    tolerance,
  },
];

export const addTest: KernelTest<AddParams> = {
  kernel: add,
  cases,
  usual: [{ name: '256x256x64', params: plain(layout(1, 256, 256, 64)) }],
  reference: addReference,
};
