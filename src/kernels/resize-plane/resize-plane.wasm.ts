// `resize-plane` on WebAssembly; see resize-plane.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { ResizePlaneParams } from './resize-plane.js';

export const wasmResizePlane: WasmKernel<ResizePlaneParams> = {
  jobs({ from, to, planes, taps }): Job[] {
    const { each, parts } = divided(to.height, Math.max(to.width, (from.width * from.height) / to.height));
    const { start } = taps.rows;
    const kept = taps.rows.first.reduce((most, _, i) => Math.max(most, start[i + 1]! - start[i]!), 1);
    return [
      {
        run: 'resizePlane',
        args: ['x', from.width, from.height, 'columns', 'rows', 'weights', 'y', to.width, to.height, each, parts, kept],
        parts: planes * parts,
        local: 4 * kept * to.width,
      },
    ];
  },
};
