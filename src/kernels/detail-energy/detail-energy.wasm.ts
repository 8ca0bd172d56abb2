// `detail-energy` on WebAssembly; see detail-energy.as.ts.

import type { Job, WasmKernel } from '../wasm.js';
import type { DetailEnergyParams } from './detail-energy.js';

export const wasmDetailEnergy: WasmKernel<DetailEnergyParams> = {
  jobs({ side, cells }): Job[] {
    const local = 4 * (side / 2 + 12 + side + 8);
    return [{ run: 'detailEnergy', args: ['x', 'half', 'energy', side, cells], parts: cells, local }];
  },
};
