// How much detail a picture has at several sizes, how much of that is noise, and whether blocks of JPEG show.

import type { DeviceBuffer } from '../executor.js';
import type { Rect } from '../image/geometry.js';
import { blockiness, blockSteps } from '../kernels/block-steps/block-steps.js';
import { detailEnergy } from '../kernels/detail-energy/detail-energy.js';
import { type DevicePicture, type PixelOptions, scoped } from './device-picture.js';
import { resizeDevicePicture } from './resize.js';

/** Most cells along each axis in which detail is measured. */
const CELLS = 32;

/** Octaves that are measured. */
const OCTAVES = 4;

/** How many cells a picture is measured in; null where its side is no multiple of 16. */
export function cellsOf(side: number): number | null {
  // The smallest octave needs two pixels for each cell and axis, and as many in its half.
  const least = side / 2 ** OCTAVES;
  if (!Number.isInteger(least)) return null;
  let cells = Math.min(CELLS, least);
  while (least % cells !== 0) cells--;
  return cells;
}

export interface Detail {
  /** Mean squared levels of luma in square cells: what a picture has beyond its half, its half beyond its quarter, and so on. */
  readonly bands: readonly Float32Array[];
  /** By how many levels the edges of 8x8 blocks stand out. */
  readonly blocks: number;
}

/**
 * The detail of the four uppermost octaves of a square picture.
 * @param x `cellsOf` its side is not null
 */
export async function detailBands(x: DevicePicture, options: PixelOptions = {}): Promise<Float32Array[]> {
  const { device } = x;
  const cells = cellsOf(x.width)!;
  const bytes = 4 * cells ** 2;
  return scoped(async keep => {
    const energies: DeviceBuffer[] = [];
    let level = x;
    for (let octave = 0; octave < OCTAVES; octave++) {
      const side = level.width / 2;
      const half = keep(await resizeDevicePicture(level, { width: side, height: side }, 'area', options));
      const { energy } = await device.allocate('pixels', { energy: bytes });
      keep({ destroy: () => device.release(energy) });
      energies.push(energy);
      const operands = { x: level.buffer, half: half.buffer, energy };
      await device.run(detailEnergy, { side: level.width, cells }, operands, options);
      level = half;
    }
    return Promise.all(energies.map(async energy => new Float32Array(await device.read(energy, 0, bytes))));
  });
}

/** By how many levels the edges of 8x8 blocks stand out in a part of a picture. */
export async function blockinessOnDevice(x: DevicePicture, rect: Rect, options: PixelOptions = {}): Promise<number> {
  const { device } = x;
  const params = { picture: { width: x.width, height: x.height }, rect };
  const { elements } = blockSteps.operands(params).sums!;
  const { sums } = await device.allocate('pixels', { sums: 4 * elements });
  try {
    await device.run(blockSteps, params, { x: x.buffer, sums }, options);
    return blockiness(new Int32Array(await device.read(sums, 0, 4 * elements)), rect);
  } finally {
    device.release(sums);
  }
}

/** A quarter of the cells have less than their floor, which is taken for noise: faces have smooth parts, and noise is everywhere. */
const FLOOR = 0.25;

/** A tenth of the cells has more than the edges' detail. */
const EDGES = 0.9;

/** Keeps pictures without any detail from being divided by zero. */
const LEAST_DETAIL = 1e-3;

/**
 * The noise of a band in some of its cells, what goes beyond it on average, and what cells with edges have.
 * @param part shares of the side
 */
export function detailIn(
  band: Float32Array,
  part: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number },
): { readonly floor: number; readonly detail: number; readonly edges: number } {
  const values: number[] = [];
  const cells = Math.sqrt(band.length);
  const at = (share: number) => Math.round(share * cells);
  for (let y = at(part.top); y < at(part.bottom); y++)
    for (let x = at(part.left); x < at(part.right); x++) values.push(band[y * cells + x]!);
  values.sort((a, b) => a - b);
  const quantile = (share: number) => Math.max(values[Math.floor(share * values.length)]!, LEAST_DETAIL);
  const floor = quantile(FLOOR);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { floor, detail: Math.max(mean - floor, LEAST_DETAIL), edges: quantile(EDGES) };
}
