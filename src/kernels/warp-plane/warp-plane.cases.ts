// Transforms on which `warp-plane` is tested.

import type { Case, KernelTest, NumberArray } from '../kernel.js';
import { WARPS } from '../warp-affine/warp-affine.cases.js';
import { type WarpPlaneParams, warpPlane, warpPlaneTables } from './warp-plane.js';
import { warpPlaneReference } from './warp-plane.ref.js';

const cases = WARPS.map((warp, i): Case<WarpPlaneParams> => {
  const params = { ...warp, planes: 1 + (i % 3) };
  const tables: Record<string, NumberArray> = warpPlaneTables(params);
  return {
    name: warp.name,
    params,
    tolerance: { f32: 2e-6, f16: 2e-6 },
    fill: Object.fromEntries(Object.entries(tables).map(([key, values]) => [key, (j: number) => values[j]!])),
  };
});

export const warpPlaneTest: KernelTest<WarpPlaneParams> = { kernel: warpPlane, cases, reference: warpPlaneReference };
