// `colour-statistics` on WebGPU; see colour-statistics.wgsl.

import { type Dispatch, linearGrid, type WebgpuKernel } from '../webgpu.js';
import { type ColourStatisticsParams, LENGTH, partCount } from './colour-statistics.js';
import code from './colour-statistics.wgsl';

export const webgpuColourStatistics: WebgpuKernel<ColourStatisticsParams> = {
  dispatches({ pixels }): Dispatch[] {
    return [
      {
        shader: { name: 'colour-statistics', code, constants: { LENGTH } },
        uniforms: { pixels, parts: partCount(pixels) },
        workgroups: linearGrid(partCount(pixels)),
        operands: ['x', 'sums'],
        flops: 20 * pixels,
        bytes: 4 * pixels,
      },
    ];
  },
};
