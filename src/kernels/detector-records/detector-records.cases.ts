// Shapes on which `detector-records` is tested, with logits that saturate the softmax.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type DetectorRecordsParams, detectorRecords } from './detector-records.js';
import { detectorRecordsReference } from './detector-records.ref.js';

const tolerance = { f32: 1e-6, f16: 1e-6 };

const one = layout(1, 1, 1, 32);

const cases: Case<DetectorRecordsParams>[] = [
  { name: 'one pixel in each level', params: { levels: [one, one, one] }, tolerance },
  {
    name: 'odd sizes, large logits',
    params: { levels: [layout(1, 11, 9, 32), layout(1, 6, 5, 32), layout(1, 3, 3, 32)] },
    tolerance,
    fill: { level_0: (_, random) => 40 * random() },
  },
];

export const detectorRecordsTest: KernelTest<DetectorRecordsParams> = {
  kernel: detectorRecords,
  cases,
  usual: [
    { name: '640x640', params: { levels: [layout(1, 80, 80, 32), layout(1, 40, 40, 32), layout(1, 20, 20, 32)] } },
  ],
  reference: detectorRecordsReference,
};
