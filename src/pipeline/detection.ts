// Faces of a photo: those of a detector, those of the caller's own, and the rules by which some of them are chosen.

import { invalidArgument } from '../errors.js';
import type { Point, Size } from '../image/geometry.js';
import type { Box, Landmarks, OwnFace } from './types.js';

/** A face in pixels of the picture that it was looked for in. */
export interface Found {
  readonly box: Box;
  readonly score: number;
  readonly landmarks: Landmarks;
}

/** Least distance of the eyes, in pixels of a photo with a shorter side of at least `LEAST_SIDE`. */
const LEAST_EYE_DISTANCE = 5;

/** The reference enlarges photos whose shorter side is below this. */
export const LEAST_SIDE = 512;

/** Least distance of the eyes in a photo. */
export function leastEyeDistance({ width, height }: Size): number {
  return LEAST_EYE_DISTANCE * Math.min(1, Math.min(width, height) / LEAST_SIDE);
}

/** A face in a picture that is larger by a factor. */
export function scaled<F extends OwnFace>(face: F, factor: number): F {
  const { box, landmarks } = face;
  return {
    ...face,
    ...(box && { box: box.map(value => value * factor) as unknown as Box }),
    ...(landmarks && { landmarks: landmarks.map(([x, y]): Point => [x * factor, y * factor]) }),
  };
}

/** Where landmarks are in the boxes of the detector, on average, as shares of their sides. */
const MEAN_SHAPE: Landmarks = [
  [0.28, 0.4],
  [0.72, 0.4],
  [0.5, 0.6],
  [0.31, 0.75],
  [0.69, 0.75],
];

/** The least overlap, as intersection over union, at which a found face is the one that a box means. */
const SAME_FACE = 0.3;

/** Landmarks for faces of which the caller knows the box alone: from the found face that it means, else from its shape. */
export function completed(own: OwnFace, found: readonly Found[]): { face: Found; warnings: string[] } {
  if (own.landmarks) {
    const { box = boxAround(own.landmarks), score = 1, landmarks } = own;
    return { face: { box, score, landmarks }, warnings: [] };
  }
  const { box } = own;
  const best = found.reduce<Found | null>((a, b) => (a && overlap(a.box, box) >= overlap(b.box, box) ? a : b), null);
  if (best && overlap(best.box, box) >= SAME_FACE) {
    return { face: { box, score: best.score, landmarks: best.landmarks }, warnings: [] };
  }
  const [left, top, right, bottom] = box;
  const landmarks = MEAN_SHAPE.map(([x, y]): Point => [left + x * (right - left), top + y * (bottom - top)]);
  return { face: { box, score: 0, landmarks }, warnings: ['no face was found in the box: an upright one is supposed'] };
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

const area = ([left, top, right, bottom]: Box): number => (right - left) * (bottom - top);

/** The box in which landmarks have about the mean shape. */
function boxAround(landmarks: Landmarks): Box {
  const xs = landmarks.map(p => p[0]);
  const ys = landmarks.map(p => p[1]);
  const side = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const cx = (Math.max(...xs) + Math.min(...xs)) / 2;
  const cy = (Math.max(...ys) + Math.min(...ys)) / 2;
  return [cx - 1.15 * side, cy - 1.6 * side, cx + 1.15 * side, cy + 1.3 * side];
}

/** Throws for a detector that is needed and not there. */
export function missingDetector(): Error {
  return invalidArgument('a detector, `detectFaces` or landmarks in `faces`', 'detector', null);
}

/** The face nearest to the centre of a photo; the first of several. */
export function nearestToCenter<F extends { readonly box: Box }>(faces: readonly F[], { width, height }: Size): F[] {
  const distance = ({ box: [left, top, right, bottom] }: F) =>
    Math.hypot((left + right) / 2 - width / 2, (top + bottom) / 2 - height / 2);
  return best(faces, face => -distance(face));
}

/** The face with the largest box, as far as it is in the photo; the first of several. */
export function largest<F extends { readonly box: Box }>(faces: readonly F[], { width, height }: Size): F[] {
  const cut = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  return best(faces, ({ box: [left, top, right, bottom] }) =>
    area([cut(left, width), cut(top, height), cut(right, width), cut(bottom, height)]),
  );
}

function best<F>(faces: readonly F[], value: (face: F) => number): F[] {
  if (faces.length === 0) return [];
  return [faces.reduce((a, b) => (value(b) > value(a) ? b : a))];
}
