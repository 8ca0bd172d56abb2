// `tone-statistics` on WebGPU; see clear.wgsl and count.wgsl.

import { ceilDiv } from '../kernel.js';
import type { Dispatch, WebgpuKernel } from '../webgpu.js';
import clear from './clear.wgsl';
import count from './count.wgsl';
import { BINS, SUMS, type ToneStatisticsParams, toneStep } from './tone-statistics.js';

export const webgpuToneStatistics: WebgpuKernel<ToneStatisticsParams> = {
  dispatches({ pixels }): Dispatch[] {
    const step = toneStep(pixels);
    const seen = ceilDiv(pixels, step);
    return [
      {
        shader: { name: 'tone-statistics/clear', code: clear },
        uniforms: { count: SUMS * BINS },
        workgroups: [ceilDiv(SUMS * BINS, 64), 1, 1],
        operands: ['sums'],
        flops: 0,
        bytes: 4 * SUMS * BINS,
      },
      {
        shader: { name: 'tone-statistics/count', code: count },
        uniforms: { pixels, step },
        workgroups: [ceilDiv(seen, 64), 1, 1],
        operands: ['x', 'sums'],
        flops: 30 * seen,
        bytes: 28 * seen,
      },
    ];
  },
};
