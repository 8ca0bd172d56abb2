// Shapes on which `attention` is tested: several heads and one, token counts that are no multiple of 4, slices of one buffer.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type AttentionParams, attention } from './attention.js';
import { attentionReference } from './attention.ref.js';

const tolerance = { f32: 4e-6, f16: 4e-3 };

const cases: Case<AttentionParams>[] = [
  {
    name: 'one token',
    params: {
      q: layout(1, 1, 1, 16),
      k: layout(1, 1, 1, 16),
      v: layout(1, 1, 1, 16),
      y: layout(1, 1, 1, 16),
      heads: 2,
      scale: 0.35,
    },
    tolerance,
  },
  {
    name: '8 heads of 64',
    params: {
      q: layout(1, 1, 64, 512, 1024, 0),
      k: layout(1, 1, 64, 512, 1024, 512),
      v: layout(1, 1, 64, 512),
      y: layout(1, 1, 64, 512),
      heads: 8,
      scale: 1 / 8,
    },
    tolerance,
  },
  {
    name: '3 heads of 16, batch 2, slices of one buffer',
    params: {
      q: layout(2, 1, 37, 48, 144, 0),
      k: layout(2, 1, 37, 48, 144, 48),
      v: layout(2, 1, 37, 48, 144, 96),
      y: layout(2, 1, 37, 48, 56, 4),
      heads: 3,
      scale: 1 / 4,
    },
    tolerance,
  },
  {
    name: 'a picture of 7x7, one head',
    params: {
      q: layout(1, 7, 7, 64),
      k: layout(1, 7, 7, 64),
      v: layout(1, 7, 7, 64),
      y: layout(1, 7, 7, 64),
      heads: 1,
      scale: 1 / 8,
    },
    tolerance,
  },
  {
    name: 'scores beyond the range of exp',
    params: {
      q: layout(1, 1, 30, 8),
      k: layout(1, 1, 30, 8),
      v: layout(1, 1, 30, 8),
      y: layout(1, 1, 30, 8),
      heads: 1,
      scale: 1,
    },
    // Close scores of several hundred decide between values.
    tolerance: { f32: 2e-4, f16: 1 },
    fill: { q: (_, random) => 16 * random(), k: (_, random) => 16 * random() },
  },
];

export const attentionTest: KernelTest<AttentionParams> = {
  kernel: attention,
  cases,
  usual: [
    {
      name: '256 tokens, 8 heads of 64',
      params: {
        q: layout(1, 1, 256, 512, 1024, 0),
        k: layout(1, 1, 256, 512, 1024, 512),
        v: layout(1, 1, 256, 512),
        y: layout(1, 1, 256, 512),
        heads: 8,
        scale: 1 / 8,
      },
    },
  ],
  reference: attentionReference,
};
