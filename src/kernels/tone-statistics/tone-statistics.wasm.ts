// `tone-statistics` on WebAssembly; see tone-statistics.as.ts.

import { ceilDiv } from '../kernel.js';
import { divided, type Job, type WasmKernel } from '../wasm.js';
import { BINS, type ToneStatisticsParams, toneStep } from './tone-statistics.js';

/** Parts that add up what others have counted. */
const ADDERS = 4;

const partsOf = (pixels: number) => divided(ceilDiv(pixels, toneStep(pixels)), 2);

export const wasmToneStatistics: WasmKernel<ToneStatisticsParams> = {
  scratch: ({ pixels }) => ({ counts: { type: 'i32', elements: partsOf(pixels).parts * BINS * 8 } }),
  jobs({ pixels }): Job[] {
    const { each, parts } = partsOf(pixels);
    return [
      { run: 'countTones', args: ['x', 'counts', pixels, toneStep(pixels), each], parts },
      { run: 'addTones', args: ['counts', 'sums', parts, BINS / ADDERS], parts: ADDERS },
    ];
  },
};
