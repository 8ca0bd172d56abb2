// `normalize` on WebAssembly; see normalize.as.ts.

import { roundUp } from '../kernel.js';
import { type Job, placed, type WasmKernel } from '../wasm.js';
import type { NormalizeParams } from './normalize.js';

export const wasmNormalize: WasmKernel<NormalizeParams> = {
  jobs({ x, y, activation }): Job[] {
    const places = [...placed('x', x), ...placed('y', y)];
    return [
      {
        run: 'normalize',
        args: [...places, x.h, x.w, roundUp(x.c, 4), 'scale', 'shift', activation === 'swish' ? 1 : 0],
        parts: x.n * x.h,
      },
    ];
  },
};
