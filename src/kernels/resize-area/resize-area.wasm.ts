// `resize-area` on WebAssembly; see resize-area.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { ResizeAreaParams } from './resize-area.js';

export const wasmResizeArea: WasmKernel<ResizeAreaParams> = {
  jobs({ from, to, factors, premultiplied }): Job[] {
    const { each, parts } = divided(to.height, Math.max(to.width, (from.width * from.height) / to.height));
    return [
      {
        run: 'resizeArea',
        args: [
          'x',
          from.width,
          from.height,
          'columns',
          'rows',
          'weights',
          'y',
          to.width,
          to.height,
          each,
          factors?.[0] === 2 && factors[1] === 2 ? 1 : 0,
          factors ? 1 / (factors[0] * factors[1]) : 1,
          premultiplied ? 1 : 0,
        ],
        parts,
        local: 16 * to.width,
      },
    ];
  },
};
