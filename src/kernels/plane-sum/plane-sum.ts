// Sum of a float plane.

import { array, ceilDiv, type Kernel, type Operand } from '../kernel.js';

export interface PlaneSumParams {
  readonly values: number;
}

/** Values in each sum: enough to leave few of them, few enough to keep the adapter busy and float32 exact to 1e-6. */
export const LENGTH = 256;

/** Operands: `x`; `sums`, whose sum is that of x. */
export const planeSum: Kernel<PlaneSumParams> = {
  name: 'plane-sum',
  operands({ values }): Record<string, Operand> {
    return {
      x: array('read', 'f32', values),
      sums: array('write', 'f32', sumCount(values)),
    };
  },
};

/** How many partial sums there are. */
export const sumCount = (values: number): number => ceilDiv(values, LENGTH);
