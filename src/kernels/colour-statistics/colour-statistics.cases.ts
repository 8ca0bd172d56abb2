// Sizes on which `colour-statistics` is tested; sums are equal.

import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { type ColourStatisticsParams, colourStatistics } from './colour-statistics.js';
import { colourStatisticsReference } from './colour-statistics.ref.js';

const cases = [1, 1023, 1024, 5000].map((pixels): Case<ColourStatisticsParams> => {
  return {
    name: `${pixels} pixels`,
    params: { pixels },
    tolerance: { f32: 0, f16: 0 },
    fill: { x: anyWord },
  };
});

export const colourStatisticsTest: KernelTest<ColourStatisticsParams> = {
  kernel: colourStatistics,
  cases,
  usual: [{ name: '512x512', params: { pixels: 2 ** 18 }, fill: { x: anyWord } }],
  reference: colourStatisticsReference,
};
