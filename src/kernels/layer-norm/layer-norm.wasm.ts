// `layer-norm` on WebAssembly; see layer-norm.as.ts.

import { type Job, placed, runsOf, type WasmKernel } from '../wasm.js';
import type { LayerNormParams } from './layer-norm.js';

export const wasmLayerNorm: WasmKernel<LayerNormParams> = {
  jobs({ x, y, eps, yPosition }): Job[] {
    const rows = x.n * x.h * x.w;
    const { each, parts } = runsOf(rows);
    const places = [...placed('x', x), ...placed('y', y)];
    const second = yPosition ? placed('yPosition', yPosition) : [null, 0];
    const position = yPosition ? 'position' : null;
    return [
      {
        run: 'layerNorm',
        args: [...places, rows, each, x.c, 'gamma', 'beta', eps, position, x.h * x.w, ...second],
        parts,
      },
    ];
  },
};
