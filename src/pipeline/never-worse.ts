// Whether a photo knows more of a face than the network would give back. Measured on the face in the photo's own resolution; where the
// thresholds come from is said in docs/never-worse.md.

import type { Matrix, Rect, Size } from '../image/geometry.js';
import { composeAffine, mappedRect } from '../pixels/affine.js';
import { type Detail, detailIn } from '../pixels/detail.js';
import { invertAffine } from './align.js';
import { scaling } from './mask.js';

/** How much of what the network makes of a face is used. */
export interface Share {
  /** 0 to 1. */
  readonly share: number;
  /** Why the face is left as it is, where the share is 0. */
  readonly untouched: string | null;
}

/** All of it. */
export const WHOLE: Share = { share: 1, untouched: null };

/**
 * Pixels of the side at which faces are measured, where the network does not have fewer. Larger networks draw finer detail than that, but
 * what they make of a face that is sharp here is another face, however fine.
 */
const MEASURED = 256;

/** The side at which faces are measured for a network. */
export const measuredSide = (size: number): number => Math.min(size, MEASURED);

/** The inner part of a crop, where the face is, as shares of its side. */
const FACE = { left: 0.1875, right: 0.8125, top: 0.1875, bottom: 0.9375 };

/** What is measured of a face. */
export interface FaceDetail {
  /** Detail beyond the measured side over that of its uppermost octave, noise aside. */
  readonly beyond: number;
  /** Detail of the uppermost octave of the measured side over that of the next one, noise aside. */
  readonly fine: number;
  /** The same one octave lower. */
  readonly coarse: number;
  /** What cells with edges have over the floor, in the second octave: detail lies at edges, noise is everywhere. */
  readonly spread: number;
  /** Noise in the uppermost octave, as mean squared levels in the smoother parts of the face. */
  readonly noise: number;
  /** That noise over what is there one octave lower: below 1 in clean faces, whose smooth parts have less and less detail. */
  readonly noiseSlope: number;
  /** By how many levels the edges of 8x8 blocks stand out. */
  readonly blocks: number;
}

/** From where on a measure counts, and from where on it counts fully. */
const RAMPS = {
  fine: [0.19, 0.26],
  coarse: [0.22, 0.3],
  spread: [8, 13],
  noise: [7.5, 11],
  noiseSlope: [0.8, 1.05],
  blocks: [2, 3.2],
} as const;

/** Shares nearer to none or all than this are that. */
const NEARLY = 0.05;

/** Detail beyond the measured side that is worth a word of its own. */
const BEYOND = 0.2;

/** The share that is used of what the network makes of a face. */
export function shareOf(detail: FaceDetail): Share {
  const ramp = (name: keyof typeof RAMPS) => {
    const [low, high] = RAMPS[name];
    return Math.min(Math.max((detail[name] - low) / (high - low), 0), 1);
  };
  const sharp = Math.min(ramp('fine'), ramp('coarse'), ramp('spread'));
  const clean = (1 - ramp('noise') * ramp('noiseSlope')) * (1 - ramp('blocks'));
  const share = 1 - sharp * clean;
  if (share > 1 - NEARLY) return WHOLE;
  if (share > NEARLY) return { share, untouched: null };
  const untouched = detail.beyond > BEYOND ? 'it is sharp and clean, with fine detail' : 'it is sharp and clean';
  return { share: 0, untouched };
}

/**
 * Whether a face has so few pixels that all of the restored one is used, whatever would be measured: enlarged twice to be measured, no
 * face of the table has anything left in its uppermost octave.
 * @param transform from the photo to the crop
 */
export const isTooSmallToLeave = (transform: Matrix, size: number): boolean =>
  (Math.hypot(transform[0]!, transform[3]!) * measuredSide(size)) / size >= 2;

/** The transform to a crop with an octave more than the measured side, and the part of the photo that the face covers. */
export function faceView(
  transform: Matrix,
  size: number,
  photo: Size,
): { matrix: Matrix; side: number; rect: Rect | null } {
  const edges = [FACE.left * size, FACE.top * size, FACE.right * size, FACE.bottom * size] as const;
  return {
    matrix: composeAffine(scaling((2 * measuredSide(size)) / size), transform),
    side: 2 * measuredSide(size),
    rect: mappedRect(invertAffine(transform), edges, 0, photo),
  };
}

/** What was measured of a face. */
export function faceDetail({ bands, blocks }: Detail): FaceDetail {
  const [beyond, first, second, third] = bands.map(band => detailIn(band, FACE)) as [Octave, Octave, Octave, Octave];
  return {
    beyond: beyond.detail / first.detail,
    fine: first.detail / second.detail,
    coarse: second.detail / third.detail,
    spread: second.edges / second.floor,
    noise: first.floor,
    noiseSlope: first.floor / second.floor,
    blocks,
  };
}

type Octave = ReturnType<typeof detailIn>;
