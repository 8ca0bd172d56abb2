// Transforms on which `warp-plane` is tested.

import type { Case, KernelTest } from '../kernel.js';
import { WARPS } from '../warp-affine/warp-affine.cases.js';
import { type WarpPlaneParams, warpPlane } from './warp-plane.js';
import { warpPlaneReference } from './warp-plane.ref.js';

const cases = WARPS.map((warp, i): Case<WarpPlaneParams> => {
  const params = { ...warp, planes: 1 + (i % 3) };
  return {
    name: warp.name,
    params,
    tolerance: { f32: 2e-6, f16: 2e-6 },
  };
});

export const warpPlaneTest: KernelTest<WarpPlaneParams> = {
  kernel: warpPlane,
  cases,
  usual: [
    {
      name: '512x512 to 700x700',
      params: {
        source: { x: 0, y: 0, width: 512, height: 512 },
        target: { x: 0, y: 0, width: 700, height: 700 },
        inverse: Float64Array.of(0.7, 0.1, 10, -0.1, 0.7, 60),
        compat: false,
        samples: 1,
        planes: 1,
      },
    },
  ],
  reference: warpPlaneReference,
};
