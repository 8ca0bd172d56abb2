// `block-steps` on WebGPU; see block-steps.wgsl.

import { ceilDiv } from '../kernel.js';
import type { Dispatch, WebgpuKernel } from '../webgpu.js';
import type { BlockStepsParams } from './block-steps.js';
import code from './block-steps.wgsl';

export const webgpuBlockSteps: WebgpuKernel<BlockStepsParams> = {
  dispatches({ picture, rect }): Dispatch[] {
    const lines = rect.width + rect.height;
    const pixels = rect.width * rect.height;
    return [
      {
        shader: { name: 'block-steps', code },
        uniforms: {
          width: picture.width,
          rect_x: rect.x,
          rect_y: rect.y,
          rect_width: rect.width,
          rect_height: rect.height,
        },
        workgroups: [ceilDiv(lines, 64), 1, 1],
        operands: ['x', 'sums'],
        flops: 40 * pixels,
        bytes: 8 * pixels,
      },
    ];
  },
};
