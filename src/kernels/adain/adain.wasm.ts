// `adain` on WebAssembly: statistics of both pictures, scale and shift from them, and `normalize` to apply these; see strips.as.ts,
// adain.as.ts and normalize.as.ts.

import { ceilDiv, type Layout, roundUp } from '../kernel.js';
import { wasmNormalize } from '../normalize/normalize.wasm.js';
import { statisticStrips, stripStatistics, stripsScratch } from '../statistics/strips.wasm.js';
import type { Argument, Job, WasmKernel } from '../wasm.js';
import type { AdainParams } from './adain.js';

const stripArgs = (name: string, l: Layout): Argument[] => {
  const { length, count } = statisticStrips(l);
  return [name, l.h * l.w, length, count];
};

export const wasmAdain: WasmKernel<AdainParams> = {
  scratch({ x, style }) {
    const affine = { type: 'f32', elements: x.n * roundUp(x.c, 4) } as const;
    return { xStrips: stripsScratch(x), styleStrips: stripsScratch(style), scale: affine, shift: affine };
  },
  jobs({ x, style, y }): Job[] {
    return [
      stripStatistics(x, 'x', 'xStrips'),
      stripStatistics(style, 'style', 'styleStrips'),
      {
        run: 'adain',
        args: [...stripArgs('xStrips', x), ...stripArgs('styleStrips', style), x.c, 'scale', 'shift'],
        parts: x.n * ceilDiv(x.c, 4),
        local: 64,
      },
      ...wasmNormalize.jobs({ x, y, activation: 'none' }),
    ];
  },
};
