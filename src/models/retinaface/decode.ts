// From records of the network to faces: priors, decoding of boxes and landmarks, non-maximum suppression.

import type { Size } from '../../image/geometry.js';
import { RECORD } from '../../kernels/detector-records/detector-records.js';
import { ceilDiv } from '../../kernels/kernel.js';

/** A face that the network found. */
export interface Detection {
  /** Left, top, right, bottom in pixels; may reach out of the picture. */
  readonly box: readonly [number, number, number, number];
  /** From 0 to 1. */
  readonly score: number;
  /** Left eye, right eye, nose, left and right corner of the mouth, as seen in the picture, in pixels. */
  readonly landmarks: readonly (readonly [number, number])[];
}

/** Distance of the priors of each level, and their two sides, in pixels. */
const LEVELS = [
  { step: 8, sides: [16, 32] },
  { step: 16, sides: [64, 128] },
  { step: 32, sides: [256, 512] },
] as const;

const CENTRE_VARIANCE = 0.1;
const SIZE_VARIANCE = 0.2;

/** Number of priors of a picture. */
export function priorsOf({ width, height }: Size): number {
  return LEVELS.reduce((sum, { step }) => sum + 2 * ceilDiv(width, step) * ceilDiv(height, step), 0);
}

/** Centre and side of a prior in pixels: levels, then rows, then columns, then the two sides. */
function prior(index: number, { width, height }: Size): { x: number; y: number; side: number } {
  let rest = index;
  for (const { step, sides } of LEVELS) {
    const columns = ceilDiv(width, step);
    const count = 2 * columns * ceilDiv(height, step);
    if (rest < count) {
      const pixel = rest >> 1;
      return {
        x: ((pixel % columns) + 0.5) * step,
        y: (Math.floor(pixel / columns) + 0.5) * step,
        side: sides[rest & 1 ? 1 : 0],
      };
    }
    rest -= count;
  }
  throw new RangeError(`There is no prior ${index} of ${width}x${height} pixels`);
}

/**
 * The faces of selected records, best first.
 * @param selected records, the first value the number of the prior, the second its score
 * @param size of the picture that the network saw
 */
export function decodeRecords(selected: Float32Array, size: Size): Detection[] {
  const faces: Detection[] = [];
  for (let at = 0; at < selected.length; at += RECORD) {
    const record = selected.subarray(at, at + RECORD);
    const { x, y, side } = prior(record[0]!, size);
    const centre = (i: number): [number, number] => [
      x + record[i]! * CENTRE_VARIANCE * side,
      y + record[i + 1]! * CENTRE_VARIANCE * side,
    ];
    const [cx, cy] = centre(2);
    const [w, h] = [side * Math.exp(SIZE_VARIANCE * record[4]!), side * Math.exp(SIZE_VARIANCE * record[5]!)];
    faces.push({
      box: [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2],
      score: record[1]!,
      landmarks: [6, 8, 10, 12, 14].map(centre),
    });
  }
  return faces.sort((a, b) => b.score - a.score);
}

/**
 * Leaves out every face that overlaps a better one.
 * @param faces best first
 * @param limit intersection over union above which the worse face is left out
 */
export function suppress(faces: readonly Detection[], limit: number): Detection[] {
  const kept: Detection[] = [];
  for (const face of faces) if (kept.every(better => overlap(better.box, face.box) <= limit)) kept.push(face);
  return kept;
}

/** Intersection over union. */
export function overlap(a: Detection['box'], b: Detection['box']): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / (area(a) + area(b) - shared);
}

const area = ([x1, y1, x2, y2]: Detection['box']): number => (x2 - x1) * (y2 - y1);
