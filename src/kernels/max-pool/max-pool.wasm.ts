// `max-pool` on WebAssembly; see max-pool.as.ts.

import { roundUp } from '../kernel.js';
import { type Job, placed, type WasmKernel } from '../wasm.js';
import type { MaxPoolParams } from './max-pool.js';

export const wasmMaxPool: WasmKernel<MaxPoolParams> = {
  jobs({ x, y }): Job[] {
    const places = [...placed('x', x), x.h, x.w, ...placed('y', y), y.h, y.w];
    return [{ run: 'maxPool', args: [...places, roundUp(x.c, 4)], parts: y.n * y.h }];
  },
};
