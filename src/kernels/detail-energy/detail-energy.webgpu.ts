// `detail-energy` on WebGPU; see detail-energy.wgsl.

import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import type { DetailEnergyParams } from './detail-energy.js';
import code from './detail-energy.wgsl';

export const webgpuDetailEnergy: WebgpuKernel<DetailEnergyParams> = {
  dispatches({ side, cells }): Dispatch[] {
    return [
      {
        shader: { name: 'detail-energy', code },
        uniforms: { side, cells },
        workgroups: squareGrid({ width: cells, height: cells }),
        operands: ['x', 'half', 'energy'],
        flops: 50 * side ** 2,
        bytes: 5 * side ** 2,
      },
    ];
  },
};
