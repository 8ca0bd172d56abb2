// `add` on WebAssembly; see add.as.ts.

import { roundUp } from '../kernel.js';
import { type Job, placed, type WasmKernel } from '../wasm.js';
import type { AddParams } from './add.js';

export const wasmAdd: WasmKernel<AddParams> = {
  jobs({ a, b, y, alpha, slope }): Job[] {
    const places = [...placed('a', a), ...placed('b', b), ...placed('y', y)];
    return [
      {
        run: 'add',
        args: [...places, a.h, a.w, b.h, b.w, roundUp(a.c, 4), alpha, slope],
        parts: a.n * a.h,
      },
    ];
  },
};
