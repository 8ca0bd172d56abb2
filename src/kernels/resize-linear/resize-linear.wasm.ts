// `resize-linear` on WebAssembly; see resize-linear.as.ts.

import { roundUp } from '../kernel.js';
import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { ResizeLinearParams } from './resize-linear.js';

export const wasmResizeLinear: WasmKernel<ResizeLinearParams> = {
  jobs({ from, to, premultiplied }): Job[] {
    const { each, parts } = divided(to.height, to.width);
    return [
      {
        run: 'resizeLinear',
        args: ['x', from.width, 'columns', 'rows', 'y', to.width, to.height, each, premultiplied ? 1 : 0],
        parts,
        local: 2 * 8 * roundUp(to.width, 4),
      },
    ];
  },
};
