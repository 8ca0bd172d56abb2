// Shapes on which `pack-weights` is tested.

import type { Case, KernelTest } from '../kernel.js';
import { type PackWeightsParams, packWeights } from './pack-weights.js';
import { packWeightsReference } from './pack-weights.ref.js';

const tolerance = { f32: 1e-7, f16: 1e-3 };

const cases: Case<PackWeightsParams>[] = [
  { name: '3x3, 3 to 11 channels', params: { out: 11, in: 3, size: 9 }, tolerance },
  { name: 'linear, 20 to 16', params: { out: 16, in: 20, size: 1 }, tolerance },
  { name: '7x7 with factors', params: { out: 5, in: 6, size: 49, factor: true }, tolerance },
];

export const packWeightsTest: KernelTest<PackWeightsParams> = {
  kernel: packWeights,
  cases,
  reference: packWeightsReference,
};
