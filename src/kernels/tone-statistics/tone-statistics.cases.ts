// Sizes on which `tone-statistics` is tested, one of which is looked at in steps; sums are equal.

import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { type ToneStatisticsParams, toneStatistics } from './tone-statistics.js';
import { toneStatisticsReference } from './tone-statistics.ref.js';

const cases = [1, 1000, 40_000, 150_000].map((pixels): Case<ToneStatisticsParams> => {
  return {
    name: `${pixels} pixels`,
    params: { pixels },
    tolerance: { f32: 0, f16: 0 },
    fill: { x: anyWord },
  };
});

export const toneStatisticsTest: KernelTest<ToneStatisticsParams> = {
  kernel: toneStatistics,
  cases,
  usual: [{ name: '1024x1024', params: { pixels: 2 ** 20 }, fill: { x: anyWord } }],
  reference: toneStatisticsReference,
};
