// Soft masks on the device, planes of 0 to 1: from labels, from the square that a crop covers, from shapes.

import type { DeviceBuffer, Executor } from '../executor.js';
import type { Matrix, Rect, Size } from '../image/geometry.js';
import { gaussianWeights } from '../kernels/gaussian-blur/gaussian-blur.js';
import type { NumberArray } from '../kernels/kernel.js';
import { hasGap, type MaskBuildParams, maskBuild } from '../kernels/mask-build/mask-build.js';
import { planeSum, sumCount } from '../kernels/plane-sum/plane-sum.js';
import type { Filter } from '../kernels/resize-plane/taps.js';
import { composeAffine, invertAffine, mappedRect } from './affine.js';
import { DevicePlanes, type PixelOptions } from './device-picture.js';
import { blurPlanes, erodePlanes } from './filter.js';
import { resizePlanes } from './resize.js';
import { planWarp, warpPlanes } from './warp.js';

export interface LabelMaskOptions extends PixelOptions {
  /** Taps and deviation of a Gaussian that is applied twice. */
  readonly blur?: { readonly size: number; readonly sigma: number };
  /** Rows and columns on each side that are zero afterwards. */
  readonly border?: number;
  /** Adds a second plane of what the mask lacks of 1, in full relative precision: for the compat mode's truncation. */
  readonly gap?: boolean;
}

/** How the reference softens a parsed face of 512 pixels. */
const LABEL_BLUR = { size: 101, sigma: 11 };
const LABEL_BORDER = 10;

/** From this deviation on, half the pixels carry all that a blurred mask holds. */
const WIDE_SIGMA = 6;

/**
 * A soft mask from labels. Wide blurs are made at half the size, which changes the mask by a hundredth at most; with a gap they are
 * the reference's.
 * @param labels one byte for each pixel, in memory or on the device
 * @param values share of each label, 0 to 1; labels beyond them count as 0
 */
export async function labelMask(
  device: Executor,
  labels: Uint8Array | DeviceBuffer,
  size: Size,
  values: Float32Array,
  { blur = LABEL_BLUR, border = LABEL_BORDER, gap = false, signal }: LabelMaskOptions = {},
): Promise<DevicePlanes> {
  const { width, height } = size;
  const halved = !gap && blur.sigma >= WIDE_SIGMA && width % 2 === 0 && height % 2 === 0;
  const taps = halved ? 2 * Math.round((blur.size - 1) / 4) + 1 : blur.size;
  const weights = gaussianWeights(taps, halved ? blur.sigma / 2 : blur.sigma);
  const blurred = (x: DevicePlanes) => blurPlanes(x, weights, { signal });
  const resized = (to: Size, filter: Filter) => (x: DevicePlanes) => resizePlanes(x, to, filter, { signal });
  return chain([
    () =>
      buildMask(
        device,
        { operation: 'labels', width, height, values, gap },
        { labels: labels instanceof Uint8Array ? wordsOf(labels) : labels },
        { signal },
      ),
    ...(halved ? [resized({ width: width / 2, height: height / 2 }, 'area')] : []),
    blurred,
    blurred,
    ...(halved ? [resized(size, 'linear')] : []),
    x => buildMask(device, { operation: 'frame', width, height, border, gap }, { x: x.buffer }, { signal }),
  ]);
}

/** Bytes, four to a word. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

/** Runs steps one after another, each on the result of the one before, which is freed. */
async function chain(steps: readonly ((x: DevicePlanes) => Promise<DevicePlanes>)[]): Promise<DevicePlanes> {
  let value: DevicePlanes | undefined;
  for (const step of steps) {
    const before = value;
    try {
      // The first step takes nothing.
      value = await step(before as DevicePlanes);
    } finally {
      before?.destroy();
    }
  }
  return value!;
}

/**
 * The smaller of a mask with its gap, warped, and the soft mask of the square that it was warped with, with its gap: for the
 * compat mode.
 */
export async function minimumGapMask(
  a: DevicePlanes,
  square: SquareMask,
  options: PixelOptions = {},
): Promise<DevicePlanes> {
  const { coverage, soft, full } = square;
  const params: MaskBuildParams = { operation: 'minimum-gap', width: soft.width, height: soft.height, full };
  const inputs = { a: a.buffer, b: soft.buffer, coverage: coverage.buffer };
  return buildMask(a.device, params, inputs, options);
}

export interface ShapeOptions extends PixelOptions {
  readonly ellipse?: boolean | undefined;
  /** Width of the soft edge, as a share of half of the shape's side: above 0, at most 1. Default 0.2. */
  readonly feather?: number | undefined;
  /** Another mask over the same rectangle: the smaller of the two is the result. */
  readonly within?: DevicePlanes | undefined;
}

/** The soft edge of `squareMask`: full a tenth of the side away from the edge. */
const FEATHER = 0.2;

/**
 * A square, or the ellipse in it, with a soft edge: the default mode's mask, which falls off as that of `squareMask` does.
 * @param matrix from the crop to the frame
 * @param size side of the crop, which is the square
 * @param rect the part of the frame that the mask is for, as `squareRect` tells
 */
export async function shapeMask(
  device: Executor,
  matrix: Matrix,
  size: number,
  rect: Rect,
  { ellipse = false, feather = FEATHER, within, signal }: ShapeOptions = {},
): Promise<DevicePlanes> {
  const { width, height } = rect;
  const half = size / 2;
  const centre = half - 0.5;
  const shape = Float64Array.of(1 / half, 0, -centre / half, 0, 1 / half, -centre / half);
  const frame = composeAffine(invertAffine(matrix), Float64Array.of(1, 0, rect.x, 0, 1, rect.y));
  const affine = [...composeAffine(shape, frame)];
  const params: MaskBuildParams = { operation: 'shape', width, height, ellipse, affine, feather, within: !!within };
  return buildMask(device, params, { x: within?.buffer ?? new Float32Array(1) }, { signal });
}

async function buildMask(
  device: Executor,
  params: MaskBuildParams,
  inputs: Readonly<Record<string, DeviceBuffer | NumberArray>>,
  options: PixelOptions,
): Promise<DevicePlanes> {
  const y = await DevicePlanes.create(device, params, hasGap(params) ? 2 : 1, 'mask');
  try {
    await device.run(maskBuild, params, { ...inputs, y: y.buffer }, options);
    return y;
  } catch (error) {
    y.destroy();
    throw error;
  }
}

/** The sum of all values. */
export async function planeTotal(x: DevicePlanes, options: PixelOptions = {}): Promise<number> {
  const { device } = x;
  const params = { values: x.width * x.height * x.planes };
  const bytes = 4 * sumCount(params.values);
  const { sums } = await device.allocate('pixels', { sums: bytes });
  try {
    await device.run(planeSum, params, { x: x.buffer, sums }, options);
    return new Float32Array(await device.read(sums, 0, bytes)).reduce((a, b) => a + b, 0);
  } finally {
    device.release(sums);
  }
}

/** What a crop covers of a frame, softly: planes over `rect`. */
export interface SquareMask {
  readonly rect: Rect;
  /** How much of each pixel the warped crop covers. */
  readonly coverage: DevicePlanes;
  /** The coverage without its outermost pixels: what the warped crop is multiplied by. */
  readonly inner: DevicePlanes;
  /** The mask: 0 at the edge, and well inside of it 1 but for roundings. */
  readonly soft: DevicePlanes;
  /** Width of the soft edge in pixels, a twentieth of the side. */
  readonly edge: number;
  /** What is there instead of 1 well inside. */
  readonly full: number;
  destroy(): void;
}

/**
 * The reference's soft mask of a square crop that is warped into a frame, for the compat mode: a twentieth of its side is eroded,
 * then blurred.
 * @param matrix from the crop to the frame
 * @param size side of the crop
 * @param scale pixels of the frame for each pixel of the picture that it was made from; as many are dropped at the very edge
 * @returns null where the crop lies outside of the frame
 */
export async function squareMask(
  device: Executor,
  matrix: Matrix,
  size: number,
  frame: Size,
  scale: number,
  options: PixelOptions = {},
): Promise<SquareMask | null> {
  const rect = squareRect(matrix, size, frame);
  if (!rect) return null;
  const made: DevicePlanes[] = [];
  const keep = (planes: DevicePlanes) => {
    made.push(planes);
    return planes;
  };
  const destroy = () => {
    for (const planes of made.splice(0)) planes.destroy();
  };
  try {
    const ones = new Float32Array(size * size).fill(1);
    const square = await DevicePlanes.upload(device, { data: ones, width: size, height: size });
    const warped = warpPlanes(square, planWarp(matrix, true), rect, { ...options, compat: true });
    const coverage = keep(await warped.finally(() => square.destroy()));
    const inner = keep(await erodePlanes(coverage, Math.trunc(2 * scale), options));
    const edge = Math.floor(Math.trunc(Math.sqrt(await planeTotal(inner, options))) / 20);
    const weights = gaussianWeights(2 * edge + 1);
    const cut = await erodePlanes(inner, 2 * edge, options);
    const soft = keep(await blurPlanes(cut, weights, options).finally(() => cut.destroy()));
    return { rect, coverage, inner, soft, edge, full: blurOfOnes(weights), destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}

/** Where a warped square crop and a few pixels around it lie in a frame. */
export function squareRect(matrix: Matrix, size: number, frame: Size): Rect | null {
  // The margin is zero in all masks, so that erosion and blur see the same as they would in the whole frame.
  return mappedRect(matrix, [-1, -1, size, size], 2, frame);
}

/**
 * What OpenCV's blur makes of ones, a few units in the last place from 1: sums in float32, fused products, rows from the first
 * tap on, columns from the middle outwards. The reference truncates, which shows the sign of that difference.
 */
export function blurOfOnes(weights: Float32Array): number {
  const middle = (weights.length - 1) / 2;
  const row = weights.reduce((sum, weight) => Math.fround(sum + weight), 0);
  let sum = Math.fround(row * weights[middle]!);
  for (let i = 1; i <= middle; i++) sum = Math.fround(Math.fround(row + row) * weights[middle + i]! + sum);
  return sum;
}
