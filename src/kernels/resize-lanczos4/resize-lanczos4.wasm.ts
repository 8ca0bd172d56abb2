// `resize-lanczos4` on WebAssembly; see resize-lanczos4.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import { bandRows, type ResizeLanczos4Params } from './resize-lanczos4.js';

export const wasmResizeLanczos4: WasmKernel<ResizeLanczos4Params> = {
  jobs(params): Job[] {
    const { from, to, band, premultiplied } = params;
    const { first, inX, inY } = bandRows(params);
    const { each, parts } = divided(inY, to.width);
    return [
      {
        run: 'resizeLanczos4',
        args: [
          { operand: 'x', offset: 4 * first * from.width },
          from.width,
          inX,
          'columns',
          'rows',
          'columnWeights',
          'rowWeights',
          { operand: 'y', offset: 4 * band.begin * to.width },
          to.width,
          inY,
          each,
          premultiplied ? 1 : 0,
        ],
        parts,
        local: 32 + 8 * 16 * to.width,
      },
    ];
  },
};
