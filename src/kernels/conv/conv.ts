// Two-dimensional convolution and linear layers, with what comes before and after them fused.

import type { Dispatch, Kernel, Operand, Target } from '../kernel.js';
import { registerDispatches, registerScratch } from './conv-registers.js';
import { workgroupDispatches } from './conv-workgroup.js';
import { type ConvParams, checkConv, convOperands } from './params.js';

export const conv: Kernel<ConvParams> = {
  name: 'conv',
  operands(params, target: Target): Record<string, Operand> {
    checkConv(params);
    return { ...convOperands(params), ...(target.family === 'registers' && registerScratch(params, target)) };
  },
  dispatches(params, target: Target): Dispatch[] {
    checkConv(params);
    return target.family === 'registers' ? registerDispatches(params, target) : workgroupDispatches(params, target);
  },
};
