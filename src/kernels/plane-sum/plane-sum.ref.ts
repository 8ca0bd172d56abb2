// The meaning of `plane-sum`.

import type { NumberArray } from '../kernel.js';
import { type PlaneSumParams, sumCount } from './plane-sum.js';

export function planeSumReference(
  { values }: PlaneSumParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const count = sumCount(values);
  const sums = new Float64Array(count);
  for (let i = 0; i < values; i++) sums[i % count]! += inputs.x![i]!;
  return { sums: Float32Array.from(sums) };
}
