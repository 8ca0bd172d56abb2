// `codebook/lookup` on WebAssembly; see lookup.as.ts.

import { roundUp } from '../kernel.js';
import { type Job, placed, runsOf, type WasmKernel } from '../wasm.js';
import type { LookupParams } from './lookup.js';

export const wasmLookup: WasmKernel<LookupParams> = {
  jobs({ codes, y }): Job[] {
    const tokens = y.n * y.h * y.w;
    const { each, parts } = runsOf(tokens);
    return [
      {
        run: 'lookup',
        args: ['indices', 'codebook', codes, ...placed('y', y), tokens, each, roundUp(y.c, 4)],
        parts,
      },
    ];
  },
};
