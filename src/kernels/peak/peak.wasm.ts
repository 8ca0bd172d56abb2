// `peak` on WebAssembly; see peak.as.ts.

import { type Job, placed, type WasmKernel } from '../wasm.js';
import type { PeakParams } from './peak.js';

export const wasmPeak: WasmKernel<PeakParams> = {
  jobs({ x }): Job[] {
    return [{ run: 'peak', args: [...placed('x', x), x.n * x.h * x.w, x.c, 'peak'], parts: 1 }];
  },
};
