// `depthwise-conv` on WebAssembly; see depthwise-conv.as.ts.

import { roundUp } from '../kernel.js';
import { type Job, placed, type WasmKernel } from '../wasm.js';
import type { DepthwiseConvParams } from './depthwise-conv.js';

export const wasmDepthwiseConv: WasmKernel<DepthwiseConvParams> = {
  jobs({ x, y, stride, slope }): Job[] {
    const places = [...placed('x', x), x.h, x.w, ...placed('y', y), y.h, y.w];
    return [
      {
        run: 'depthwiseConv',
        args: [...places, roundUp(x.c, 4), stride, 'weights', 'bias', slope],
        parts: y.n * y.h,
        local: 9 * 16,
      },
    ];
  },
};
