// Sum of a float plane; see plane-sum.wgsl.

import { array, ceilDiv, type Dispatch, type Kernel, linearGrid, type Operand } from '../kernel.js';
import code from './plane-sum.wgsl';

export interface PlaneSumParams {
  readonly values: number;
}

/** Values in each sum: enough to leave few of them, few enough to keep the adapter busy and float32 exact to 1e-6. */
const LENGTH = 256;

/** Operands: `x`; `sums`, whose sum is that of x. */
export const planeSum: Kernel<PlaneSumParams> = {
  name: 'plane-sum',
  operands({ values }): Record<string, Operand> {
    return {
      x: array('read', 'f32', values),
      sums: array('write', 'f32', sumCount(values)),
    };
  },
  dispatches({ values }): Dispatch[] {
    return [
      {
        shader: { name: 'plane-sum', code, constants: { LENGTH } },
        plan: { values, sums: sumCount(values) },
        workgroups: linearGrid(sumCount(values)),
        operands: ['x', 'sums'],
        flops: values,
        bytes: 4 * values,
      },
    ];
  },
};

/** How many partial sums there are. */
export const sumCount = (values: number): number => ceilDiv(values, LENGTH);
