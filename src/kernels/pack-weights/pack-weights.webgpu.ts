// `pack-weights` on WebGPU; see pack-weights.wgsl.

import { bytesPerElement, ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, type Target, type WebgpuKernel } from '../webgpu.js';
import { INFINITE_BITS, type PackWeightsParams, packedWeightElements } from './pack-weights.js';
import code from './pack-weights.wgsl';

export const webgpuPackWeights: WebgpuKernel<PackWeightsParams> = {
  dispatches({ out, in: inputs, size, factor, slot = 0 }, target: Target): Dispatch[] {
    const count = packedWeightElements(out, inputs, size) / 4;
    return [
      {
        shader: {
          name: 'pack-weights',
          code,
          constants: { FACTOR: factor ? 1 : 0, INFINITE: INFINITE_BITS[target.precision] },
        },
        uniforms: { outputs: out, inputs, groups: ceilDiv(inputs, 4), taps: size, count, slot },
        workgroups: linearGrid(count),
        operands: ['weights', factor ? 'factor' : 'weights', 'packed', 'faults'],
        flops: factor ? count * 4 : 0,
        bytes: count * 4 * (4 + bytesPerElement('store', target.precision)),
      },
    ];
  },
};
