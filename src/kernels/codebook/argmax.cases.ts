// Shapes on which `argmax` is tested; few distinct values make ties.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type ArgmaxParams, argmax } from './argmax.js';
import { argmaxReference } from './argmax.ref.js';

const tolerance = { f32: 1e-7, f16: 1e-7 };

const cases: Case<ArgmaxParams>[] = [
  { name: 'one token', params: { logits: layout(1, 1, 1, 1024) }, tolerance },
  { name: 'batch 2, odd codes, from a slice', params: { logits: layout(2, 1, 49, 37, 48, 4) }, tolerance },
  { name: 'two codes', params: { logits: layout(1, 8, 9, 2) }, tolerance },
  {
    name: 'ties',
    params: { logits: layout(1, 1, 100, 30) },
    tolerance,
    fill: { logits: (_, random) => Math.round(random() * 3) },
  },
  {
    // The zeros of the padding would win.
    name: 'all negative',
    params: { logits: layout(1, 1, 70, 17) },
    tolerance,
    fill: { logits: (_, random) => random() * 100 - 200 },
  },
];

export const argmaxTest: KernelTest<ArgmaxParams> = {
  kernel: argmax,
  cases,
  usual: [{ name: '256 tokens, 1024 codes', params: { logits: layout(1, 1, 256, 1024) } }],
  reference: argmaxReference,
};
