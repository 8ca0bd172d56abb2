// `fidelity-map` on WebAssembly; see fidelity-map.as.ts.

import type { WasmKernel } from '../wasm.js';
import type { FidelityMapParams } from './fidelity-map.js';

export const wasmFidelityMap: WasmKernel<FidelityMapParams> = {
  jobs: ({ n, size, side }) => [{ run: 'fidelityMap', args: ['map', 'y', side, size / side], parts: n * side }],
};
