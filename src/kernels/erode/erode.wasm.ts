// `erode` on WebAssembly; see erode.as.ts.

import { ceilDiv } from '../kernel.js';
import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { ErodeParams } from './erode.js';

/** Columns of a strip, as in erode.as.ts. */
const STRIP = 32;

export const wasmErode: WasmKernel<ErodeParams> = {
  scratch: ({ width, height, planes }) => ({ minima: { type: 'f32', elements: planes * width * height } }),
  jobs({ width, height, planes, k }): Job[] {
    // A window that covers everything from everywhere need not grow further.
    const window = (side: number) => Math.min(k, 2 * side + 1);
    const [across, down] = [window(width), window(height)];
    const { each, parts } = divided(planes * height, 2 * (width + across));
    const strips = ceilDiv(width, STRIP);
    return [
      {
        run: 'erodeRows',
        args: ['x', 'minima', width, planes * height, across, each],
        parts,
        // Vectors pass the end by up to four values.
        local: 4 * (width + across + 8),
      },
      {
        run: 'erodeColumns',
        args: ['minima', 'y', width, height, down, strips],
        parts: planes * strips,
        local: 4 * STRIP * (height + down),
      },
    ];
  },
};
