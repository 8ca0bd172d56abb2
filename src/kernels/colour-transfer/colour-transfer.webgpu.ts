// `colour-transfer` on WebGPU; see colour-transfer.wgsl.

import { type Dispatch, linearGrid, type WebgpuKernel } from '../webgpu.js';
import type { ColourTransferParams } from './colour-transfer.js';
import code from './colour-transfer.wgsl';

export const webgpuColourTransfer: WebgpuKernel<ColourTransferParams> = {
  dispatches({ pixels, affine, tone }): Dispatch[] {
    const [factor_r, factor_g, factor_b, shift_r, shift_g, shift_b] = affine as unknown as Six;
    return [
      {
        shader: { name: 'colour-transfer', code, constants: { TONED: tone ? 1 : 0 } },
        uniforms: { pixels, factor_r, factor_g, factor_b, shift_r, shift_g, shift_b },
        workgroups: linearGrid(pixels),
        operands: ['x', 'curve', 'y'],
        flops: 15 * pixels,
        bytes: 16 * pixels,
      },
    ];
  },
};

type Six = readonly [number, number, number, number, number, number];
