// `fidelity-map` on WebGPU; see fidelity-map.wgsl.

import { type Dispatch, linearGrid, type WebgpuKernel } from '../webgpu.js';
import type { FidelityMapParams } from './fidelity-map.js';
import code from './fidelity-map.wgsl';

export const webgpuFidelityMap: WebgpuKernel<FidelityMapParams> = {
  dispatches({ n, size, side }): Dispatch[] {
    const count = n * side * side;
    return [
      {
        shader: { name: 'fidelity-map', code },
        uniforms: { side, box: size / side, count },
        workgroups: linearGrid(count),
        operands: ['map', 'y'],
        flops: 2 * n * size * size,
        bytes: (n * size * size + count) * 4,
      },
    ];
  },
};
