// `select-records` on WebAssembly; see select-records.as.ts.

import { type Job, runsOf, type WasmKernel } from '../wasm.js';
import type { SelectRecordsParams } from './select-records.js';

export const wasmSelectRecords: WasmKernel<SelectRecordsParams> = {
  scratch: ({ records }) => ({ counts: { type: 'u32', elements: runsOf(records).parts } }),
  jobs({ records }): Job[] {
    const { each, parts } = runsOf(records);
    const args = ['records', records, each, 'threshold', 'counts'];
    return [
      { run: 'countRecords', args, parts },
      { run: 'selectRecords', args: [...args, parts, 'selected'], parts },
    ];
  },
};
