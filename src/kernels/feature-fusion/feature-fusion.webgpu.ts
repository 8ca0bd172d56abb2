// `feature-fusion` on WebGPU; see feature-fusion.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { FeatureFusionParams } from './feature-fusion.js';
import code from './feature-fusion.wgsl';

export const webgpuFeatureFusion: WebgpuKernel<FeatureFusionParams> = {
  dispatches({ d, scale, shift, y, map }, target): Dispatch[] {
    const groups = ceilDiv(d.c, 4);
    const pixels = d.h * d.w;
    const run = RUN[target.family];
    const count = ceilDiv(pixels, run) * groups;
    const [columns, rows] = linearGrid(count);
    return [
      {
        shader: { name: 'feature-fusion', code, constants: { RUN: run, MAP: map ? 1 : 0 } },
        uniforms: {
          pixels,
          groups,
          count,
          ...placeOf('d', d),
          ...placeOf('scale', scale),
          ...placeOf('shift', shift),
          ...placeOf('y', y),
        },
        workgroups: [columns, rows, d.n],
        operands: ['d', 'scale', 'shift', 'fidelity', 'y'],
        flops: d.n * pixels * groups * 16,
        bytes: 4 * d.n * pixels * groups * 4 * bytesPerElement('store', target.precision),
      },
    ];
  },
};

/** Pixels of an invocation. */
const RUN = { registers: 16, workgroup: 1 };
