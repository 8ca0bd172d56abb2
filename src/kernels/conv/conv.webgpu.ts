// `conv` on WebGPU, multiplied directly, as the adapter likes it.

import type { WebgpuKernel } from '../webgpu.js';
import type { ConvParams } from './conv.js';
import { registerDispatches, registerScratch } from './conv-registers.js';
import { workgroupDispatches } from './conv-workgroup.js';

export const webgpuConv: WebgpuKernel<ConvParams> = {
  scratch: (params, target) => (target.family === 'registers' ? registerScratch(params, target) : {}),
  dispatches: (params, target) =>
    target.family === 'registers' ? registerDispatches(params, target) : workgroupDispatches(params, target),
};
