// `detector-records` on WebAssembly; see detector-records.as.ts.

import { type Job, runsOf, type WasmKernel } from '../wasm.js';
import { type DetectorRecordsParams, levelPixels } from './detector-records.js';

export const wasmDetectorRecords: WasmKernel<DetectorRecordsParams> = {
  jobs({ levels }): Job[] {
    const [a, b, c] = levels.map(levelPixels) as [number, number, number];
    const { each, parts } = runsOf(a + b + c);
    const ends = [a, a + b, a + b + c];
    return [{ run: 'detectorRecords', args: ['level_0', 'level_1', 'level_2', ...ends, each, 'records'], parts }];
  },
};
