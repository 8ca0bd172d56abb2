// `warp-plane` on WebAssembly; see warp-plane.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { WarpPlaneParams } from './warp-plane.js';

export const wasmWarpPlane: WasmKernel<WarpPlaneParams> = {
  jobs({ source, target, planes, compat, samples }): Job[] {
    const { each, parts } = divided(target.height, (1 + planes) * samples ** 2 * target.width);
    return [
      {
        run: 'warpPlane',
        args: [
          'x',
          source.width,
          source.height,
          'columns',
          'rows',
          'shifts',
          'y',
          target.width,
          target.height,
          planes,
          each,
          source.x,
          source.y,
          compat ? 1 : 0,
          samples ** 2,
        ],
        parts,
        local: 16 * planes,
      },
    ];
  },
};
