// The layer of a restored face: where it lies on the canvas, and the soft mask through which it is pasted.

import type { DeviceBuffer, Executor } from '../executor.js';
import type { Matrix, Size } from '../image/geometry.js';
import type { Picture } from '../image/picture.js';
import { composeAffine, invertAffine } from '../pixels/affine.js';
import { type GreyLike, transferGrey } from '../pixels/colour.js';
import { DevicePicture, DevicePlanes, type FloatRgb, type PixelOptions, upload } from '../pixels/device-picture.js';
import { labelMask, minimumGapMask, shapeMask, squareMask, squareRect } from '../pixels/masks.js';
import { resizePlanes } from '../pixels/resize.js';
import { planWarp, warpDevicePicture, warpPlanes } from '../pixels/warp.js';
import type { Layer } from './photo.js';

/** Side of the pictures that parsers take. */
export const PARSER_SIDE = 512;

/** The blur of parsed masks at a feather of 0.2, as in the reference. */
const SIGMA_OF_FEATHER = 11 / 0.2;

/** What a head with its hair mostly takes of a crop: width, height and centre, as shares of the side. */
const HEAD = [0.82, 0.94, 0.5, 0.51] as const;

const TRANSPARENT = [0, 0, 0, 0] as const;

export interface FaceLayer {
  /** Square; RGBA, or not rounded; on the device, or in memory where there was no room for it. */
  readonly face: DevicePicture | DevicePlanes | Picture | FloatRgb;
  /** The look of the crop, whose greys the face gets; null for faces that keep their colours. */
  readonly greyLike: GreyLike | null;
  /** Label of each pixel at 512x512, or null for a mask from the shape of the crop alone. */
  readonly labels: DeviceBuffer | null;
  /** Share of each label. */
  readonly values: Float32Array;
  readonly feather: number;
  readonly strength: number;
  /** From pixels of the face to those of the canvas. */
  readonly matrix: Matrix;
}

/** The layer, or null where the face lies outside of the canvas. */
export function faceLayer(
  device: Executor,
  canvas: Size,
  face: FaceLayer,
  { rules, ...options }: MaskOptions & { readonly rules: { readonly compat: boolean; readonly mask: MaskMaker } },
): Layer | null {
  const rect = squareRect(face.matrix, face.face.width, canvas);
  if (!rect) return null;
  const load = async (keep: <R extends { destroy(): void }>(made: R) => R) => {
    const there = face.face instanceof DevicePicture || face.face instanceof DevicePlanes;
    const source = there ? face.face : keep(await upload(device, face.face));
    return face.greyLike && source instanceof DevicePicture
      ? keep(await transferGrey(source, face.greyLike, options))
      : source;
  };
  const warp = (source: DevicePicture | DevicePlanes, part: typeof rect) => {
    const { compat } = rules;
    const plan = planWarp(face.matrix, compat, true);
    return source instanceof DevicePlanes
      ? warpPlanes(source, plan, part, { compat, ...options })
      : warpDevicePicture(source, plan, part, TRANSPARENT, { compat, ...options });
  };
  return {
    rect,
    async prepare(keep) {
      const source = await load(keep);
      const open = keep(await rules.mask(device, canvas, face, options));
      return async (part, keepPart) => ({
        rect: part,
        pasted: keepPart(await warp(source, part)),
        strength: face.strength,
        ...(await open.over(part, keepPart)),
      });
    },
  };
}

type Keep = <R extends { destroy(): void }>(made: R) => R;

export interface MaskOptions extends PixelOptions {
  /** Size of the result over that of the photo. */
  readonly scale: number;
}

/** Makes the mask of a face on a canvas. */
export type MaskMaker = (device: Executor, canvas: Size, face: FaceLayer, options: MaskOptions) => Promise<OpenMask>;

/** A mask that gives any part of itself. */
export interface OpenMask {
  over(part: Layer['rect'], keep: Keep): Promise<{ mask: DevicePlanes; coverage?: DevicePlanes; full?: number }>;
  destroy(): void;
}

/** An ellipse, or what was parsed inside of a square with soft edges. */
export async function softMask(device: Executor, _: Size, face: FaceLayer, options: PixelOptions): Promise<OpenMask> {
  const { matrix, labels, values, feather } = face;
  const size = face.face.width;
  if (!labels) {
    const over: OpenMask['over'] = async (part, keep) => ({
      mask: keep(
        await shapeMask(device, composeAffine(matrix, head(size)), size, part, { ellipse: true, feather, ...options }),
      ),
    });
    return { over, destroy: () => {} };
  }
  const sigma = feather * SIGMA_OF_FEATHER;
  const blur = { size: 2 * Math.min(Math.round(4.5 * sigma), PARSER_SIDE / 2 - 1) + 1, sigma };
  const parserSize = { width: PARSER_SIDE, height: PARSER_SIDE };
  // The soft square takes what comes near to the edge.
  const parsed = await labelMask(device, labels, parserSize, values, { blur, border: 0, ...options });
  const plan = planWarp(composeAffine(matrix, scaling(size / PARSER_SIDE)), false);
  return {
    async over(part, keep) {
      const within = keep(await warpPlanes(parsed, plan, part, options));
      return { mask: keep(await shapeMask(device, matrix, size, part, { feather, within, ...options })) };
    },
    destroy: () => parsed.destroy(),
  };
}

/** From the whole square of a crop to what the head takes of it. */
function head(size: number): Matrix {
  const [width, height, centerX, centerY] = HEAD;
  const middle = (size - 1) / 2;
  return Float64Array.of(
    width,
    0,
    centerX * size - 0.5 - width * middle,
    0,
    height,
    centerY * size - 0.5 - height * middle,
  );
}

/** The mask of the reference: the smaller of the eroded and blurred square and, with a parser, what was parsed. */
export async function referenceMask(
  device: Executor,
  canvas: Size,
  face: FaceLayer,
  options: MaskOptions,
): Promise<OpenMask> {
  const { matrix, labels, values } = face;
  const size = face.face.width;
  // Not null, because the layer's rectangle is not.
  const square = (await squareMask(device, matrix, size, canvas, options.scale, options))!;
  const made: { destroy(): void }[] = [square];
  const keep: Keep = thing => {
    made.push(thing);
    return thing;
  };
  const destroy = () => {
    for (const thing of made) thing.destroy();
  };
  const { inner: coverage, soft, full } = square;
  try {
    if (!labels) return { over: async () => ({ mask: soft, coverage, full }), destroy };
    const parserSize = { width: PARSER_SIDE, height: PARSER_SIDE };
    const parsed = keep(await labelMask(device, labels, parserSize, values, { gap: true, ...options }));
    const sized =
      size === PARSER_SIDE
        ? parsed
        : keep(await resizePlanes(parsed, { width: size, height: size }, 'linear', options));
    const warped = keep(await warpPlanes(sized, planWarp(matrix, true), square.rect, { ...options, compat: true }));
    const mask = keep(await minimumGapMask(warped, square, options));
    return { over: async () => ({ mask, coverage }), destroy };
  } catch (error) {
    destroy();
    throw error;
  }
}

/** Between pictures of one thing in two sizes: pixel centres are at whole numbers. */
export function scaling(factorX: number, factorY = factorX): Matrix {
  return Float64Array.of(factorX, 0, (factorX - 1) / 2, 0, factorY, (factorY - 1) / 2);
}

/**
 * From a crop to the canvas, with pixel centres on pixel centres.
 * @param transform from the photo to the crop
 */
export function pasteMatrix(transform: Matrix, photo: Size, canvas: Size): Matrix {
  return composeAffine(scaling(canvas.width / photo.width, canvas.height / photo.height), invertAffine(transform));
}

/**
 * From a crop to the canvas as the reference has it: half an output pixel off for a crop of the network's size, and without any
 * shift for an enlarged one.
 */
export function referencePasteMatrix(transform: Matrix, scale: number, faceScale: number | null): Matrix {
  const matrix = invertAffine(transform).map(value => value * scale);
  if (faceScale === null) {
    if (scale > 1) {
      matrix[2]! += 0.5 * scale;
      matrix[5]! += 0.5 * scale;
    }
  } else for (const i of [0, 1, 3, 4]) matrix[i]! /= faceScale;
  return matrix;
}
