// `detector-records` on WebGPU; see detector-records.wgsl.

import { type Dispatch, linearGrid, type WebgpuKernel } from '../webgpu.js';
import { type DetectorRecordsParams, levelPixels, priorCount, RECORD } from './detector-records.js';
import code from './detector-records.wgsl';

export const webgpuDetectorRecords: WebgpuKernel<DetectorRecordsParams> = {
  dispatches(params): Dispatch[] {
    const [a, b, c] = params.levels.map(levelPixels) as [number, number, number];
    const priors = priorCount(params);
    return [
      {
        shader: { name: 'detector-records', code },
        uniforms: { pixels_0: a, pixels_1: a + b, pixels_2: a + b + c },
        workgroups: linearGrid(priors),
        operands: ['level_0', 'level_1', 'level_2', 'records'],
        flops: priors * 50,
        bytes: priors * RECORD * 8,
      },
    ];
  },
};
