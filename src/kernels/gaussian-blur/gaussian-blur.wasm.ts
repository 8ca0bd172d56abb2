// `gaussian-blur` on WebAssembly; see gaussian-blur.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import { type GaussianBlurParams, sizesOf } from './gaussian-blur.js';

export const wasmGaussianBlur: WasmKernel<GaussianBlurParams> = {
  scratch: ({ width, height, planes }) => ({ rows: { type: 'f32', elements: planes * width * height } }),
  jobs(params): Job[] {
    const { width, height, planes, weights } = params;
    const taps = weights.length;
    // A few taps take as long as reading a value.
    const cost = width * (1 + taps / 8);
    const lines = divided(planes * height, cost);
    const bands = divided(height, cost);
    const rowPositions = { operand: 'positions', offset: 4 * sizesOf(params).rowsStart };
    return [
      {
        run: 'blurRows',
        args: ['x', 'weights', 'positions', 'rows', width, planes * height, taps, lines.each],
        parts: lines.parts,
        local: 4 * (width + taps),
      },
      {
        run: 'blurColumns',
        args: ['rows', 'weights', rowPositions, 'y', width, height, taps, bands.each, bands.parts],
        parts: planes * bands.parts,
      },
    ];
  },
};
