// Shapes on which `pack-weights` is tested.

import type { Case, KernelTest } from '../kernel.js';
import { type PackWeightsParams, packWeights } from './pack-weights.js';
import { packWeightsReference } from './pack-weights.ref.js';

const tolerance = { f32: 1e-7, f16: 1e-3 };

const cases: Case<PackWeightsParams>[] = [
  { name: '3x3, 3 to 11 channels', params: { out: 11, in: 3, size: 9 }, tolerance },
  { name: 'linear, 20 to 16', params: { out: 16, in: 20, size: 1 }, tolerance },
  { name: '7x7 with factors', params: { out: 5, in: 6, size: 49, factor: true }, tolerance },
  ...(
    [
      ['NaN', Number.NaN],
      ['infinity', Number.NEGATIVE_INFINITY],
    ] as const
  ).map(([name, value]) => ({
    name: `${name} among the weights`,
    params: { out: 9, in: 5, size: 9, slots: 4, slot: 2 },
    tolerance,
    fill: {
      weights: (index: number, random: () => number) => (index === 9 * 5 * 9 - 1 ? value : random()),
      faults: (index: number) => index,
    },
  })),
];

export const packWeightsTest: KernelTest<PackWeightsParams> = {
  kernel: packWeights,
  cases,
  usual: [{ name: '3x3, 512 to 512', params: { out: 512, in: 512, size: 9 } }],
  reference: packWeightsReference,
};
