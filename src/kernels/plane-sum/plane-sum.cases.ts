// Lengths on which `plane-sum` is tested.

import type { Case, KernelTest } from '../kernel.js';
import { type PlaneSumParams, planeSum } from './plane-sum.js';
import { planeSumReference } from './plane-sum.ref.js';

const cases = [1, 255, 256, 257, 70_001].map((values): Case<PlaneSumParams> => {
  return {
    name: `${values} values`,
    params: { values },
    tolerance: { f32: 1e-5, f16: 1e-5 },
  };
});

export const planeSumTest: KernelTest<PlaneSumParams> = {
  kernel: planeSum,
  cases,
  usual: [{ name: '1024x1024', params: { values: 2 ** 20 } }],
  reference: planeSumReference,
};
