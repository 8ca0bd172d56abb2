// Shapes on which `max-pool` is tested; what is outside must not count as zero.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type MaxPoolParams, maxPool } from './max-pool.js';
import { maxPoolReference } from './max-pool.ref.js';

const tolerance = { f32: 0, f16: 1e-3 };
const fill = { x: (_: number, random: () => number) => random() - 3 };

const cases: Case<MaxPoolParams>[] = [
  { name: 'one pixel', params: { x: layout(1, 1, 1, 8), y: layout(1, 1, 1, 8) }, tolerance, fill },
  { name: 'even size', params: { x: layout(1, 6, 10, 4), y: layout(1, 3, 5, 4) }, tolerance, fill },
  {
    name: 'odd size, odd channels, batch 2, from and into slices',
    params: { x: layout(2, 7, 9, 6, 16, 4), y: layout(2, 4, 5, 6, 12, 4) },
    tolerance,
    fill,
  },
];

export const maxPoolTest: KernelTest<MaxPoolParams> = {
  kernel: maxPool,
  cases,
  usual: [{ name: '320x320x64', params: { x: layout(1, 320, 320, 64), y: layout(1, 160, 160, 64) }, fill }],
  reference: maxPoolReference,
};
