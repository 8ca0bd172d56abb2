// `label-map` on WebGPU; see label-map.wgsl.

import { ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { LabelMapParams } from './label-map.js';
import code from './label-map.wgsl';

export const webgpuLabelMap: WebgpuKernel<LabelMapParams> = {
  dispatches({ logits }): Dispatch[] {
    const pixels = logits.n * logits.h * logits.w;
    return [
      {
        shader: { name: 'label-map', code },
        uniforms: { classes: logits.c, pixels, ...placeOf('x', logits) },
        workgroups: linearGrid(ceilDiv(pixels, 4)),
        operands: ['logits', 'labels'],
        flops: pixels * logits.c * 3,
        bytes: pixels * (logits.c * 4 + 1),
      },
    ];
  },
};
