// Shapes on which `layer-norm` is tested.

import { type Case, type KernelTest, layout } from '../kernel.js';
import { type LayerNormParams, layerNorm } from './layer-norm.js';
import { layerNormReference } from './layer-norm.ref.js';

const tolerance = { f32: 4e-6, f16: 5e-3 };
const eps = 1e-5;

const cases: Case<LayerNormParams>[] = [
  { name: 'one token', params: { x: layout(1, 1, 1, 48), y: layout(1, 1, 1, 48), eps }, tolerance },
  { name: 'odd channels', params: { x: layout(1, 1, 70, 30), y: layout(1, 1, 70, 30), eps }, tolerance },
  {
    name: 'batch 2 with position, from and into slices',
    params: {
      x: layout(2, 1, 37, 64, 76, 8),
      y: layout(2, 1, 37, 64, 68, 4),
      yPosition: layout(2, 1, 37, 64, 72, 4),
      eps,
    },
    tolerance,
  },
  {
    name: 'a picture as tokens, position of odd channels',
    params: { x: layout(1, 3, 5, 270), y: layout(1, 3, 5, 270), yPosition: layout(1, 3, 5, 270), eps },
    tolerance,
  },
  {
    name: 'a mean a thousand times the deviation',
    params: { x: layout(1, 1, 9, 512), y: layout(1, 1, 9, 512), eps },
    // No input for f16, which has steps of 1/2 there.
    tolerance: { f32: 1e-3, f16: Number.POSITIVE_INFINITY },
    fill: { x: (_, random) => 1000 + random() },
  },
];

export const layerNormTest: KernelTest<LayerNormParams> = {
  kernel: layerNorm,
  cases,
  usual: [{ name: '256 tokens of 512', params: { x: layout(1, 1, 256, 512), y: layout(1, 1, 256, 512), eps } }],
  reference: layerNormReference,
};
