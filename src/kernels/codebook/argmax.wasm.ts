// `codebook/argmax` on WebAssembly; see argmax.as.ts.

import { type Job, placed, runsOf, type WasmKernel } from '../wasm.js';
import type { ArgmaxParams } from './argmax.js';

export const wasmArgmax: WasmKernel<ArgmaxParams> = {
  jobs({ logits }): Job[] {
    const tokens = logits.n * logits.h * logits.w;
    const { each, parts } = runsOf(tokens);
    return [
      {
        run: 'argmax',
        args: [...placed('logits', logits), tokens, each, logits.c, 'indices', 'margin'],
        parts,
        local: 48,
      },
    ];
  },
};
