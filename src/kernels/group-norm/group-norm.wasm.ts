// `group-norm` on WebAssembly; see group-norm.as.ts.

import { roundUp } from '../kernel.js';
import { statisticStrips, stripStatistics, stripsScratch } from '../statistics/strips.wasm.js';
import type { Job, WasmKernel } from '../wasm.js';
import type { GroupNormParams } from './group-norm.js';

export const wasmGroupNorm: WasmKernel<GroupNormParams> = {
  scratch: ({ x }) => ({ strips: stripsScratch(x) }),
  jobs({ x, groups, eps }): Job[] {
    const { length, count } = statisticStrips(x);
    const sizes = [x.h * x.w, length, count, roundUp(x.c, 4), groups, x.c / groups, eps];
    return [
      stripStatistics(x, 'x', 'strips'),
      { run: 'groupNorm', args: ['strips', ...sizes, 'gamma', 'beta', 'scale', 'shift'], parts: x.n * groups },
    ];
  },
};
