// `colour-statistics` on WebAssembly; see colour-statistics.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import { type ColourStatisticsParams, LENGTH, partCount } from './colour-statistics.js';

export const wasmColourStatistics: WasmKernel<ColourStatisticsParams> = {
  jobs({ pixels }): Job[] {
    const count = partCount(pixels);
    const { each, parts } = divided(count, LENGTH, 4);
    return [{ run: 'colourStatistics', args: ['x', 'sums', pixels, count, each], parts, local: 4 * 9 * each }];
  },
};
