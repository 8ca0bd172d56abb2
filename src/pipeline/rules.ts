// The rules by which photos are restored: the library's own, and those of the reference implementation (option `compat`). Everything in which
// the two differ is here; kernels and networks are told by `compat` to compute as the reference does, to the bit.

import type { Matrix, Size } from '../image/geometry.js';
import { type Filter, roundHalfEven } from '../kernels/resize-plane/taps.js';
import { composeAffine } from '../pixels/affine.js';
import { LEAST_SIDE } from './detection.js';
import { type MaskMaker, pasteMatrix, referenceMask, referencePasteMatrix, scaling, softMask } from './mask.js';

/** A restored face on its way to the canvas. */
export interface Placement {
  /** From the working picture to the crop. */
  readonly transform: Matrix;
  readonly working: Size;
  readonly canvas: Size;
  /** Size of the result over that of the photo. */
  readonly upscaling: number;
  /** What the upscaler was asked for; null where it was not. */
  readonly scale: number | null;
  /** Sides of the face as it is pasted, and as the network made it. */
  readonly side: number;
  readonly networkSide: number;
}

export interface Rules {
  /** Warps, masks and detections as the reference has them; layers are pasted whole and truncated. */
  readonly compat: boolean;
  /** The size of the picture in which faces are found and from which they are cut, and by how much it is larger than the photo. */
  working(photo: Size): { readonly size: Size; readonly enlargement: number };
  /** The size of the result. */
  result(working: Size, upscaling: number): Size;
  /** How the background gets its size, and whether from the working picture. */
  background(photo: Size, result: Size): { readonly filter: Filter; readonly fromWorking: boolean };
  /** Whether transparent parts are filled with the colours around them for networks, and colours weighed by their alpha; else hidden ones count. */
  readonly fills: boolean;
  /** What lies around a photo where a crop reaches beyond it: RGB, or the photo mirrored. */
  readonly border: readonly [number, number, number] | 'mirror';
  /** Whether toned photos are known, and each face of a grey photo is looked at on its own. */
  readonly tones: boolean;
  /** Whether faces are measured: to be left as they are, and for their likeness. */
  readonly measures: boolean;
  /** Whether grey faces get their look before they are upscaled and parsed; else when they are pasted. */
  readonly greysFirst: boolean;
  /** Whether the package's own upscaler works unasked. */
  readonly ownUpscaler: boolean;
  /**
   * By how much a face is upscaled, or null.
   * @param enlarged how much larger it is pasted than the network made it
   */
  faceScale(upscaling: number, enlarged: number): number | null;
  /** From pixels of the face as it is pasted to those of the canvas. */
  pasteMatrix(placement: Placement): Matrix;
  readonly mask: MaskMaker;
}

const eachSide = ({ width, height }: Size, side: (length: number) => number): Size => ({
  width: side(width),
  height: side(height),
});

/** The factor of upscalers. */
const UPSCALER_FACTOR = 2;

export const DEFAULT_RULES: Rules = {
  compat: false,
  working: photo => ({ size: photo, enlargement: 1 }),
  result: (working, upscaling) => eachSide(working, length => Math.max(1, Math.round(length * upscaling))),
  background(photo, result) {
    const shrinks = result.width <= photo.width && result.height <= photo.height;
    return { filter: shrinks ? 'area' : 'lanczos4', fromWorking: false };
  },
  fills: true,
  border: 'mirror',
  tones: true,
  measures: true,
  greysFirst: false,
  ownUpscaler: true,
  // Nothing is gained where a face is pasted no larger.
  faceScale: (_, enlarged) => (enlarged > 1 ? UPSCALER_FACTOR : null),
  pasteMatrix: ({ transform, working, canvas, side, networkSide }) =>
    composeAffine(pasteMatrix(transform, working, canvas), scaling(networkSide / side)),
  mask: softMask,
};

export const REFERENCE_RULES: Rules = {
  compat: true,
  working(photo) {
    const enlargement = Math.max(1, LEAST_SIDE / Math.min(photo.width, photo.height));
    return { size: eachSide(photo, length => roundHalfEven(length * enlargement)), enlargement };
  },
  result: (working, upscaling) => eachSide(working, length => Math.max(1, Math.trunc(length * upscaling))),
  background: () => ({ filter: 'linear', fromWorking: true }),
  fills: false,
  border: [132, 133, 135],
  tones: false,
  measures: false,
  greysFirst: true,
  ownUpscaler: false,
  faceScale: upscaling => upscaling,
  pasteMatrix: ({ transform, upscaling, scale }) => referencePasteMatrix(transform, upscaling, scale),
  mask: referenceMask,
};
