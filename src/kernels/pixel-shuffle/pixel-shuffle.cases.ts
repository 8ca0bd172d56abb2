// Shapes on which `pixel-shuffle` and `pixel-unshuffle` are tested, each a large picture and the small one it shuffles with.

import { type Case, type KernelTest, type Layout, layout } from '../kernel.js';
import { type PixelShuffleParams, pixelShuffle, pixelUnshuffle } from './pixel-shuffle.js';
import { pixelShuffleReference, pixelUnshuffleReference } from './pixel-shuffle.ref.js';

const tolerance = { f32: 0, f16: 1e-3 };

const shapes: { name: string; large: Layout; small: Layout; factor: number }[] = [
  { name: 'one square', large: layout(1, 2, 2, 3), small: layout(1, 1, 1, 12), factor: 2 },
  { name: '3 to 48', large: layout(1, 20, 28, 3), small: layout(1, 5, 7, 48), factor: 4 },
  {
    name: 'batch 2, by 3, odd channels, slices',
    large: layout(2, 9, 15, 5, 16, 4),
    small: layout(2, 3, 5, 45, 52, 4),
    factor: 3,
  },
  { name: 'by 1', large: layout(1, 3, 5, 6), small: layout(1, 3, 5, 6, 12, 4), factor: 1 },
];

const shuffleCases = shapes.map(
  ({ name, large, small, factor }): Case<PixelShuffleParams> => ({
    name,
    params: { x: small, y: large, factor },
    tolerance,
  }),
);

const unshuffleCases = shapes.map(
  ({ name, large, small, factor }): Case<PixelShuffleParams> => ({
    name,
    params: { x: large, y: small, factor },
    tolerance,
  }),
);

export const pixelShuffleTest: KernelTest<PixelShuffleParams> = {
  kernel: pixelShuffle,
  cases: shuffleCases,
  usual: [
    { name: '12 to 3 at 1024x1024', params: { x: layout(1, 512, 512, 12), y: layout(1, 1024, 1024, 3), factor: 2 } },
  ],
  reference: pixelShuffleReference,
};

export const pixelUnshuffleTest: KernelTest<PixelShuffleParams> = {
  kernel: pixelUnshuffle,
  cases: unshuffleCases,
  usual: [
    { name: '3 to 12 at 512x512', params: { x: layout(1, 1024, 1024, 3), y: layout(1, 512, 512, 12), factor: 2 } },
  ],
  reference: pixelUnshuffleReference,
};
