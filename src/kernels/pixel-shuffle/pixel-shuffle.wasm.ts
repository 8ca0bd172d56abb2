// `pixel-shuffle` and `pixel-unshuffle` on WebAssembly; see pixel-shuffle.as.ts.

import { type Job, placed, type WasmKernel } from '../wasm.js';
import type { PixelShuffleParams, PixelUnshuffleParams } from './pixel-shuffle.js';

export const wasmPixelShuffle: WasmKernel<PixelShuffleParams> = {
  jobs({ x, y, factor }): Job[] {
    const places = [...placed('x', x), ...placed('y', y)];
    return [{ run: 'pixelShuffle', args: [...places, x.w, factor, y.c], parts: x.n * x.h }];
  },
};

export const wasmPixelUnshuffle: WasmKernel<PixelUnshuffleParams> = {
  jobs({ x, y, factor }): Job[] {
    const places = [...placed('x', x), ...placed('y', y)];
    return [{ run: 'pixelUnshuffle', args: [...places, y.w, factor, x.c], parts: y.n * y.h, local: 16 }];
  },
};
