// The ways of computing a convolution on WebGPU, from which a tuner chooses for each shape.

import type { Target } from '../webgpu.js';
import type { ConvParams } from './conv.js';

/** By tiles in workgroup memory or in registers, these with or without subgroup operations; multiplied directly or by Winograd's algorithm. */
export const CONV_CHOICES = [
  'workgroup',
  'workgroup, winograd',
  'registers',
  'registers, winograd',
  'registers, subgroups',
  'registers, subgroups, winograd',
] as const;

export type ConvChoice = (typeof CONV_CHOICES)[number];

/** What decides how long a convolution takes: `1x64x64x128 3x3 to 1x64x64x256`, and what is done on the way. */
export function shapeKey({ x, y, size, stride, upsample, prologue, residual }: ConvParams): string {
  const place = (l: ConvParams['x']) => `${l.n}x${l.h}x${l.w}x${l.c}`;
  const extras = [stride > 1 && `stride ${stride}`, upsample > 1 && 'upsampled', prologue !== 'none' && prologue];
  const more = [...extras, residual && 'residual'].filter(Boolean).map(extra => `, ${extra}`);
  return `${place(x)} ${size}x${size} to ${place(y)}${more.join('')}`;
}

/**
 * The target as a choice has it, without what the target has not. Winograd's algorithm stays where it was, or goes: elsewhere it is not exact
 * enough.
 */
export function chosenTarget(target: Target, choice: ConvChoice): Target {
  const { family, subgroups, convolution = 'auto' } = target;
  return {
    ...target,
    family: choice.startsWith('workgroup') ? family : 'registers',
    subgroups: choice.includes('subgroups') && subgroups === true,
    convolution: choice.endsWith('winograd') ? convolution : 'direct',
  };
}
