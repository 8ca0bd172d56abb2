// Shapes on which `label-map` is tested; few distinct values make ties.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type LabelMapParams, labelMap } from './label-map.js';
import { labelMapReference } from './label-map.ref.js';

const tolerance = { f32: 0, f16: 0 };

const cases: Case<LabelMapParams>[] = [
  { name: 'one pixel, one class', params: { logits: layout(1, 1, 1, 1) }, tolerance },
  { name: '19 classes, odd size, batch 2, from a slice', params: { logits: layout(2, 5, 7, 19, 32, 8) }, tolerance },
  {
    name: 'ties',
    params: { logits: layout(1, 8, 9, 19) },
    tolerance,
    fill: { logits: (_, random) => Math.round(random() * 3) },
  },
  {
    // The zeros of the padding would win.
    name: 'all negative, 255 classes',
    params: { logits: layout(1, 3, 3, 255) },
    tolerance,
    fill: { logits: (_, random) => random() - 3 },
  },
];

export const labelMapTest: KernelTest<LabelMapParams> = {
  kernel: labelMap,
  cases,
  usual: [{ name: '512x512, 19 classes', params: { logits: layout(1, 512, 512, 19) } }],
  reference: labelMapReference,
};
