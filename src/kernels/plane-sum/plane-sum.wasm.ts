// `plane-sum` on WebAssembly; see plane-sum.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import { LENGTH, type PlaneSumParams, sumCount } from './plane-sum.js';

export const wasmPlaneSum: WasmKernel<PlaneSumParams> = {
  jobs({ values }): Job[] {
    const sums = sumCount(values);
    const { each, parts } = divided(sums, LENGTH, 4);
    return [{ run: 'planeSum', args: ['x', 'sums', values, sums, each], parts }];
  },
};
