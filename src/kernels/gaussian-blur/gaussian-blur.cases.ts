// Sizes on which `gaussian-blur` is tested: windows far smaller and larger than the plane.

import type { Case, KernelTest } from '../kernel.js';
import { type GaussianBlurParams, gaussianBlur, gaussianWeights } from './gaussian-blur.js';
import { gaussianBlurReference } from './gaussian-blur.ref.js';

function blurCase(width: number, height: number, size: number, sigma = 0, planes = 1): Case<GaussianBlurParams> {
  const params = { width, height, planes, weights: gaussianWeights(size, sigma) };
  return {
    name: `${planes} of ${width}x${height} by ${size}`,
    params,
    tolerance: { f32: 1e-6, f16: 1e-6 },
  };
}

const cases = [
  blurCase(1, 1, 1),
  blurCase(1, 1, 41),
  blurCase(2, 3, 9),
  blurCase(33, 21, 3, 0, 2),
  blurCase(40, 24, 7),
  blurCase(37, 29, 11),
  blurCase(61, 47, 21, 2.5, 3),
  blurCase(25, 19, 101, 11),
];

export const gaussianBlurTest: KernelTest<GaussianBlurParams> = {
  kernel: gaussianBlur,
  cases,
  usual: [blurCase(512, 512, 101, 11)],
  reference: gaussianBlurReference,
};
