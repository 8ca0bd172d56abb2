// `pack-weights` on WebAssembly; see pack-weights.as.ts.

import { ceilDiv } from '../kernel.js';
import type { Job, WasmKernel } from '../wasm.js';
import type { PackWeightsParams } from './pack-weights.js';

export const wasmPackWeights: WasmKernel<PackWeightsParams> = {
  scratch: ({ out }) => ({ found: { type: 'u32', elements: ceilDiv(out, 8) } }),
  jobs({ out, in: inputs, size, factor, slot = 0 }): Job[] {
    const blocks = ceilDiv(out, 8);
    return [
      {
        run: 'packWeights',
        args: ['weights', factor ? 'factor' : null, out, inputs, size, 'packed', 'found'],
        parts: blocks,
      },
      { run: 'packWeightsFault', args: ['found', blocks, { operand: 'faults', offset: 4 * slot }], parts: 1 },
    ];
  },
};
