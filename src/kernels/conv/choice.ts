// The ways of computing a convolution on WebGPU, from which a tuner chooses for each shape.

import type { Target, WorkgroupTile } from '../webgpu.js';
import type { ConvParams } from './conv.js';

/** Tiles in workgroup memory beside those of 1 to 4 rows and 4 columns, of which the size of the product decides. */
const WORKGROUP_TILES = { '8x4': { rows: 8, columns: 4 }, '8x8': { rows: 8, columns: 8 } } as const;

/** Tiles in registers beside those of 4 pixels x 16 channels, for more than 8 channels. */
const REGISTER_TILES = { '8x8': { pixels: 8, channels: 8 }, '4x8': { pixels: 4, channels: 8 } } as const;

/**
 * By matrices of subgroups, tiles in workgroup memory or in registers, of some sizes, these with or without subgroup operations; multiplied
 * directly or by Winograd's algorithm, F(4x4, 3x3) or F(2x2, 3x3). Those that promise most come first.
 */
export const CONV_CHOICES = [
  'matrices, 128x128',
  'matrices, 128x64',
  'matrices, 64x64',
  'workgroup',
  'workgroup, winograd',
  'workgroup, winograd 2x2',
  'workgroup, 8x4',
  'workgroup, 8x4, winograd',
  'workgroup, 8x8',
  'workgroup, 8x8, winograd',
  'registers, subgroups, winograd',
  'registers, subgroups',
  'registers, winograd',
  'registers',
  'registers, subgroups, winograd 2x2',
  'registers, winograd 2x2',
  'registers, subgroups, 8x8',
  'registers, 8x8',
  'registers, 4x8',
] as const;

export type ConvChoice = (typeof CONV_CHOICES)[number];

/** What decides how long a convolution takes: `1x64x64x128 3x3 to 1x64x64x256`, and what is done on the way. */
export function shapeKey({ x, y, size, stride, upsample, prologue, residual }: ConvParams): string {
  const place = (l: ConvParams['x']) => `${l.n}x${l.h}x${l.w}x${l.c}`;
  const extras = [stride > 1 && `stride ${stride}`, upsample > 1 && 'upsampled', prologue !== 'none' && prologue];
  const more = [...extras, residual && 'residual'].filter(Boolean).map(extra => `, ${extra}`);
  return `${place(x)} ${size}x${size} to ${place(y)}${more.join('')}`;
}

/** Whether a choice differs from others for a shape. */
export const isDistinct = ({ y }: ConvParams, choice: ConvChoice): boolean => y.c > 8 || !registerTileOf(choice);

const isWorkgroup = (choice: ConvChoice): boolean => choice.startsWith('workgroup');

/** Whether a choice needs matrices of subgroups. */
export const byMatrices = (choice: ConvChoice): boolean => choice.startsWith('matrices');

const tileIn = <T>(tiles: Readonly<Record<string, T>>, choice: ConvChoice): T | undefined =>
  Object.entries(tiles).find(([name]) => choice.includes(name))?.[1];

const workgroupTileOf = (choice: ConvChoice) =>
  isWorkgroup(choice) ? tileIn<WorkgroupTile>(WORKGROUP_TILES, choice) : undefined;

const registerTileOf = (choice: ConvChoice) =>
  choice.startsWith('registers') ? tileIn<NonNullable<Target['registerTile']>>(REGISTER_TILES, choice) : undefined;

/**
 * The target as a choice has it, without what the target has not. Winograd's algorithm stays where it was, or goes: elsewhere it is not exact
 * enough.
 */
export function chosenTarget(target: Target, choice: ConvChoice): Target {
  const { family, subgroups, convolution = 'auto', winograd = [4, 2] } = target;
  if (byMatrices(choice))
    return { ...target, matrixTile: choice.slice('matrices, '.length) as NonNullable<Target['matrixTile']> };
  const side = choice.endsWith('2x2') ? 2 : 4;
  const workgroupTile = workgroupTileOf(choice);
  const registerTile = registerTileOf(choice);
  return {
    ...target,
    matrix: undefined,
    family: isWorkgroup(choice) ? family : 'registers',
    subgroups: choice.includes('subgroups') && subgroups === true,
    convolution: choice.includes('winograd') ? convolution : 'direct',
    winograd: winograd.filter(own => own === side),
    ...(workgroupTile && { workgroupTile }),
    ...(registerTile && { registerTile }),
  };
}
