// `pull-colours` and `push-colours` on WebAssembly; see fill-transparent.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import { halved, type PullColoursParams, type PushColoursParams } from './fill-transparent.js';

export const wasmPullColours: WasmKernel<PullColoursParams> = {
  jobs({ from }): Job[] {
    const { width, height } = halved(from);
    const { each, parts } = divided(height, 4 * width);
    return [{ run: 'pullColours', args: ['x', from.width, from.height, 'y', width, height, each], parts }];
  },
};

export const wasmPushColours: WasmKernel<PushColoursParams> = {
  jobs({ rect: { width, height }, coarse }): Job[] {
    const { each, parts } = divided(height, 2 * width);
    return [
      {
        run: 'pushColours',
        args: ['x', 'coarse', coarse.width, coarse.height, 'columns', 'rows', 'y', width, height, each],
        parts,
        local: 16 * coarse.width,
      },
    ];
  },
};
