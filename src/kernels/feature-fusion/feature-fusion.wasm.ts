// `feature-fusion` on WebAssembly; see feature-fusion.as.ts.

import { roundUp } from '../kernel.js';
import { type Job, placed, type WasmKernel } from '../wasm.js';
import type { FeatureFusionParams } from './feature-fusion.js';

export const wasmFeatureFusion: WasmKernel<FeatureFusionParams> = {
  jobs({ d, scale, shift, y, map }): Job[] {
    const places = [...placed('d', d), ...placed('scale', scale), ...placed('shift', shift), ...placed('y', y)];
    return [
      {
        run: 'featureFusion',
        args: [...places, d.h, d.w, roundUp(d.c, 4), 'fidelity', map ? 1 : 0],
        parts: d.n * d.h,
      },
    ];
  },
};
