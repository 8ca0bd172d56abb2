// Windows on which `erode` is tested: below, at and above the size of the plane. Minima are equal.

import type { Case, KernelTest } from '../kernel.js';
import { type ErodeParams, erode } from './erode.js';
import { erodeReference } from './erode.ref.js';

function erodeCase(width: number, height: number, k: number, planes = 1): Case<ErodeParams> {
  const params = { width, height, k, planes };
  return {
    name: `${planes} of ${width}x${height} by ${k}`,
    params,
    tolerance: { f32: 0, f16: 0 },
  };
}

const cases = [
  erodeCase(1, 1, 1),
  erodeCase(1, 9, 4),
  erodeCase(33, 21, 1),
  erodeCase(33, 21, 2, 2),
  erodeCase(33, 21, 3),
  erodeCase(31, 40, 10),
  erodeCase(31, 40, 13, 3),
  erodeCase(17, 23, 22),
  erodeCase(17, 23, 33),
  erodeCase(17, 23, 1000),
];

export const erodeTest: KernelTest<ErodeParams> = {
  kernel: erode,
  cases,
  usual: [erodeCase(512, 512, 21)],
  reference: erodeReference,
};
