// `codebook/argmax` on WebGPU; see argmax.wgsl.

import { ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, placeOf, type WebgpuKernel } from '../webgpu.js';
import type { ArgmaxParams } from './argmax.js';
import code from './argmax.wgsl';

export const webgpuArgmax: WebgpuKernel<ArgmaxParams> = {
  dispatches({ logits }): Dispatch[] {
    const tokens = logits.n * logits.h * logits.w;
    const values = tokens * ceilDiv(logits.c, 4) * 4;
    return [
      {
        shader: { name: 'codebook/argmax', code },
        uniforms: { codes: logits.c, tokens, ...placeOf('x', logits) },
        workgroups: linearGrid(tokens),
        operands: ['logits', 'indices', 'margin'],
        flops: values * 4,
        bytes: values * 4 + tokens * 8,
      },
    ];
  },
};
