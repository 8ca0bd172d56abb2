// Sum of a float plane; see plane-sum.wgsl.

import { ceilDiv, type Dispatch, type Kernel, linearGrid, type Operand } from '../kernel.js';
import code from './plane-sum.wgsl';

export interface PlaneSumParams {
  readonly values: number;
}

/** Values in each sum: enough to leave few of them, few enough to keep the adapter busy and float32 exact to 1e-6. */
const LENGTH = 256;

/** Operands: `x`; `sizes` as `planeSumTables` makes it; `sums`, whose sum is that of x. */
export const planeSum: Kernel<PlaneSumParams> = {
  name: 'plane-sum',
  operands({ values }): Record<string, Operand> {
    return {
      x: { access: 'read', type: 'f32', elements: values },
      sizes: { access: 'read', type: 'u32', elements: 2 },
      sums: { access: 'write', type: 'f32', elements: sumCount(values) },
    };
  },
  dispatches({ values }): Dispatch[] {
    return [
      {
        shader: { name: 'plane-sum', code, constants: { LENGTH } },
        workgroups: linearGrid(sumCount(values), 64),
        operands: ['x', 'sizes', 'sums'],
        flops: values,
        bytes: 4 * values,
      },
    ];
  },
};

/** How many partial sums there are. */
export const sumCount = (values: number): number => ceilDiv(values, LENGTH);

/** Contents of the operand that only the parameters decide. */
export function planeSumTables({ values }: PlaneSumParams): { sizes: Uint32Array } {
  return { sizes: new Uint32Array([values, sumCount(values)]) };
}
