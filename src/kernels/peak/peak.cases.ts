// Shapes on which `peak` is tested, and what was largest before.

import { type Case, type KernelTest, type Layout, layout } from '../kernel.js';
import { type PeakParams, peak } from './peak.js';
import { peakReference } from './peak.ref.js';

// Bits of floats: a step of f16 is a millionth of them.
const tolerance = { f32: 1e-9, f16: 1e-5 };

const of = (name: string, x: Layout, before: number, fill?: (index: number) => number): Case<PeakParams> => ({
  name,
  params: { x },
  tolerance,
  fill: { peak: () => before, ...(fill && { x: fill }) },
});

const cases: Case<PeakParams>[] = [
  of('one pixel, odd channels', layout(1, 1, 1, 3), 0),
  of('batch 2, from a slice', layout(2, 5, 7, 10, 24, 8), 0),
  of('many pixels', layout(1, 70, 131, 8), 0, index => (index === 8 * 9169 + 5 ? -900 : index % 17)),
  of('less than before', layout(1, 4, 4, 4), 0x44000000),
  of('infinity', layout(1, 3, 3, 4), 0, index => (index === 13 ? Number.NEGATIVE_INFINITY : 1)),
];

export const peakTest: KernelTest<PeakParams> = {
  kernel: peak,
  cases,
  usual: [of('256x256x128', layout(1, 256, 256, 128), 0)],
  reference: peakReference,
};
