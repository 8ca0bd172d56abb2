// `label-map` on WebAssembly; see label-map.as.ts.

import { type Job, placed, runsOf, type WasmKernel } from '../wasm.js';
import type { LabelMapParams } from './label-map.js';

export const wasmLabelMap: WasmKernel<LabelMapParams> = {
  jobs({ logits }): Job[] {
    const pixels = logits.n * logits.h * logits.w;
    const { each, parts } = runsOf(pixels, 4);
    return [
      {
        run: 'labelMap',
        args: [...placed('logits', logits), pixels, each, logits.c, 'labels'],
        parts,
        local: 64,
      },
    ];
  },
};
