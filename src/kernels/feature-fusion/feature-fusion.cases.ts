// Shapes on which `feature-fusion` is tested.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type FeatureFusionParams, featureFusion } from './feature-fusion.js';
import { featureFusionReference } from './feature-fusion.ref.js';

const tolerance = { f32: 1e-6, f16: 4e-3 };
const fill = { fidelity: (index: number) => ((index * 7) % 11) / 10 };

/** Layouts of the four, the first in the second half of a concatenation. */
const shapes = (n: number, h: number, w: number, c: number): Omit<FeatureFusionParams, 'map'> => {
  const half = Math.ceil(c / 4) * 4;
  return {
    d: layout(n, h, w, c, 2 * half, half),
    scale: layout(n, h, w, c, half + 12, 8),
    shift: layout(n, h, w, c, half + 4, 4),
    y: layout(n, h, w, c, half + 8, 4),
  };
};

const cases: Case<FeatureFusionParams>[] = [
  { name: 'one pixel', params: { ...shapes(1, 1, 1, 8), map: false }, tolerance, fill },
  { name: 'batch 2, odd channels', params: { ...shapes(2, 7, 5, 30), map: false }, tolerance, fill },
  { name: 'map, batch 2', params: { ...shapes(2, 9, 11, 12), map: true }, tolerance, fill },
];

export const featureFusionTest: KernelTest<FeatureFusionParams> = {
  kernel: featureFusion,
  cases,
  usual: [{ name: '256x256x128', params: { ...shapes(1, 256, 256, 128), map: false }, fill }],
  reference: featureFusionReference,
};
