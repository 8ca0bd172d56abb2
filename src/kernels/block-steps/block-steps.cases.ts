// Rectangles on which `block-steps` is tested; sums are equal.

import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { type BlockStepsParams, blockSteps } from './block-steps.js';
import { blockStepsReference } from './block-steps.ref.js';

const rect = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });

const cases = [
  { picture: { width: 1, height: 1 }, rect: rect(0, 0, 1, 1) },
  { picture: { width: 3, height: 20 }, rect: rect(0, 0, 3, 20) },
  { picture: { width: 90, height: 70 }, rect: rect(0, 0, 90, 70) },
  { picture: { width: 90, height: 70 }, rect: rect(13, 6, 61, 37) },
].map((params): Case<BlockStepsParams> => {
  const { x, y, width, height } = params.rect;
  return {
    name: `${width}x${height} at ${x}, ${y}`,
    params,
    tolerance: { f32: 0, f16: 0 },
    fill: { x: anyWord },
  };
});

export const blockStepsTest: KernelTest<BlockStepsParams> = {
  kernel: blockSteps,
  cases,
  usual: [
    {
      name: '1024x1024',
      params: { picture: { width: 1024, height: 1024 }, rect: rect(0, 0, 1024, 1024) },
      fill: { x: anyWord },
    },
  ],
  reference: blockStepsReference,
};
