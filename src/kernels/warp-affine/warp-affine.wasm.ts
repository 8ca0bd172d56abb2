// `warp-affine` on WebAssembly; see warp-affine.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { WarpAffineParams } from './warp-affine.js';

export const wasmWarpAffine: WasmKernel<WarpAffineParams> = {
  jobs({ source, target, compat, samples, border }): Job[] {
    const mirrored = 'mirrored' in border ? border.mirrored : null;
    const [r, g, b, a] = 'mirrored' in border ? [0, 0, 0, 0] : border;
    const { each, parts } = divided(target.height, 2 * samples ** 2 * target.width);
    return [
      {
        run: 'warpAffine',
        args: [
          'x',
          source.width,
          source.height,
          'columns',
          'rows',
          'shifts',
          'y',
          target.width,
          target.height,
          each,
          source.x,
          source.y,
          compat ? 1 : 0,
          samples ** 2,
          r | (g << 8) | (b << 16) | (a << 24),
          mirrored?.width ?? 0,
          mirrored?.height ?? 0,
        ],
        parts,
        local: 96,
      },
    ];
  },
};
