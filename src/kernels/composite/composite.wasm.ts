// `composite` and `finish-composite` on WebAssembly; see composite.as.ts.

import { type Argument, divided, type Job, type WasmKernel } from '../wasm.js';
import type { CompositeParams, FinishCompositeParams } from './composite.js';

/** A pixel of the picture. */
const pictureAt = (width: number, { x, y }: { readonly x: number; readonly y: number }): Argument => {
  return { operand: 'picture', offset: 4 * (y * width + x) };
};

export const wasmComposite: WasmKernel<CompositeParams> = {
  jobs({ picture, rect, fractions, compat, pasted, gap, strength, full }): Job[] {
    const { each, parts } = divided(rect.height, 4 * rect.width);
    const kept = fractions
      ? [fractions.x - rect.x, fractions.y - rect.y, fractions.width, fractions.height]
      : [0, 0, 0, 0];
    return [
      {
        run: 'composite',
        args: [
          'pasted',
          compat ? 'coverage' : null,
          'mask',
          'fractions',
          pictureAt(picture.width, rect),
          picture.width,
          rect.width,
          rect.height,
          ...kept,
          compat ? 1 : 0,
          pasted === 'planes' ? 1 : 0,
          gap ? 1 : 0,
          strength,
          full,
          each,
        ],
        parts,
      },
    ];
  },
};

export const wasmFinishComposite: WasmKernel<FinishCompositeParams> = {
  jobs({ picture, fractions }): Job[] {
    const { width, height } = fractions;
    const { each, parts } = divided(height, width);
    const args = ['fractions', pictureAt(picture.width, fractions), picture.width, width, height, each];
    return [{ run: 'finishComposite', args, parts }];
  },
};
