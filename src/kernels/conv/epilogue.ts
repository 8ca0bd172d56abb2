// What follows the sums of a convolution; see epilogue.wgsl.

import { ceilDiv } from '../kernel.js';
import { placeOf } from '../webgpu.js';
import type { ConvParams } from './conv.js';

/** The constant ACTIVATION of epilogue.wgsl. No activation is a leaky one of slope 1, so that both have one pipeline. */
export const activationConstant = ({ activation: { kind } }: ConvParams): number => ['gelu', 'swish'].indexOf(kind) + 1;

/** Fields of uniforms that tell what follows the sums, and where it goes. */
export const epilogueUniforms = ({ y, bias, activation, residual }: ConvParams): Record<string, number> => ({
  ...placeOf('y', y),
  out_groups: ceilDiv(y.c, 4),
  bias: bias ? 1 : 0,
  slope: activation.kind === 'none' ? 1 : (activation.slope ?? 0),
  residual: residual ? 1 : 0,
  ...placeOf('residual', residual?.layout ?? y),
  alpha: residual?.alpha ?? 1,
});
