// `colour-transfer` on WebAssembly; see colour-transfer.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { ColourTransferParams } from './colour-transfer.js';

export const wasmColourTransfer: WasmKernel<ColourTransferParams> = {
  jobs({ pixels, affine, tone }): Job[] {
    const { each, parts } = divided(pixels, 1, 4);
    return [{ run: 'colourTransfer', args: ['x', tone ? 'curve' : null, 'y', pixels, ...affine, each], parts }];
  },
};
