// Pictures that the detector sees turned, or from nearby, and its faces brought back from there.

import type { Size } from '../../image/geometry.js';
import type { Picture } from '../../image/picture.js';
import { invertAffine, transformPoint } from '../../pixels/affine.js';
import { DevicePicture } from '../../pixels/device-picture.js';
import { warpAffine } from '../../pixels/pixels.js';
import { planWarp, warpDevicePicture } from '../../pixels/warp.js';
import { type Detection, overlap } from './decode.js';
import type { DetectorOptions, RetinaFace } from './retinaface.js';

/** Quarter turns to the left. */
export type Turn = 0 | 1 | 2 | 3;

/** Score from which on a second look is worth it. */
export const CANDIDATE_SCORE = 0.3;

/** Side of the second look, and of a face in it, in pixels: there the points of the detector are best. */
const NEARBY = 224;
const FACE = 140;

/** Least score, and least overlap with the first look, of what counts in the second one. */
const LEAST_SCORE = 0.02;
const SAME_FACE = 0.3;

/**
 * Score of the second look from which on no other one is needed, and by how much others are turned, in radians. Of 20 faces of photos and 24
 * of pasted, blurred and compressed ones, 15 pixels and more, the mean log odds of three looks were 4.0 and more; of a collar in two toned
 * photos, which the second look takes for a face, 1.1.
 */
const SURE_SCORE = 0.993;
const SLANT = Math.PI / 12;

/** What is outside of the photo has the mean that the detector subtracts. */
const BORDER = [123, 117, 104] as const;

/** From points of a picture to those of another one, 2x3 in rows; pixel centres lie at halves. */
type View = readonly number[];

/** What turning a picture of that size does, and what size it has then. */
export function rotation(turn: Exclude<Turn, 0>, { width, height }: Size): [View, Size] {
  if (turn === 2) return [[-1, 0, width, 0, -1, height], { width, height }];
  return [turn === 1 ? [0, 1, 0, -1, 0, width] : [0, -1, height, 1, 0, 0], { width: height, height: width }];
}

/** The faces of a picture as seen in a view, in its pixels. */
export async function detectUnder(
  detector: RetinaFace,
  picture: Picture | DevicePicture,
  view: View,
  size: Size,
  options: DetectorOptions,
): Promise<Detection[]> {
  const [a, b, tx, c, d, ty] = view as [number, number, number, number, number, number];
  const ofCentres = [a, b, tx + (a + b - 1) / 2, c, d, ty + (c + d - 1) / 2];
  const seen =
    picture instanceof DevicePicture
      ? await warpDevicePicture(picture, planWarp(ofCentres, false), { x: 0, y: 0, ...size }, [...BORDER, 255], options)
      : await warpAffine(detector.device, picture, ofCentres, { ...size, border: BORDER, signal: options.signal });
  try {
    const back = invertAffine(view);
    return (await detector.detect(seen, options)).map(face => transformDetection(face, back));
  } finally {
    if (seen instanceof DevicePicture) seen.destroy();
  }
}

/** A face somewhere else. The box is upright there, too: that around the turned ellipse which is in it. */
export function transformDetection(
  { box: [x1, y1, x2, y2], score, landmarks }: Detection,
  to: ArrayLike<number>,
): Detection {
  const matrix = Float64Array.from(to);
  const [x, y] = transformPoint(matrix, (x1 + x2) / 2, (y1 + y2) / 2);
  const half = (row: number) => Math.hypot(matrix[row]! * (x2 - x1), matrix[row + 1]! * (y2 - y1)) / 2;
  const [w, h] = [half(0), half(3)];
  return { box: [x - w, y - h, x + w, y + h], score, landmarks: landmarks.map(at => transformPoint(matrix, ...at)) };
}

/**
 * What may be a face is looked at again: cut out of the photo, with level eyes, in the size that the detector knows best. Its box and points
 * are those of the second look, the odds of its score the geometric mean of both. Where that look is not sure, two more follow, turned to
 * either side: things that look like a face do so upright only, and the odds of all three from nearby are a limit of the score. Null where
 * nothing is seen there.
 */
export async function refineDetection(
  detector: RetinaFace,
  photo: Picture | DevicePicture,
  face: Detection,
  options: DetectorOptions,
): Promise<Detection | null> {
  const second = await detectNearby(detector, photo, face, 0, options);
  if (!second) return null;
  const score = combineScores(face.score, second.score);
  if (second.score >= SURE_SCORE) return { ...second, score };
  const nearby = [second.score];
  for (const turn of [-SLANT, SLANT])
    nearby.push((await detectNearby(detector, photo, second, turn, options))?.score ?? 0);
  return { ...second, score: Math.min(score, combineScores(...nearby)) };
}

/** What is seen of a face in a square around it, where its eyes are turned from level by so much; brought back from there. */
async function detectNearby(
  detector: RetinaFace,
  photo: Picture | DevicePicture,
  { box, landmarks }: Detection,
  turn: number,
  { nms, signal }: DetectorOptions,
): Promise<Detection | undefined> {
  const [x1, y1, x2, y2] = box;
  const [left, right] = landmarks as [Point, Point];
  const scale = FACE / Math.sqrt((x2 - x1) * (y2 - y1));
  const angle = Math.atan2(right[1] - left[1], right[0] - left[0]) + turn;
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const view = [cos, sin, NEARBY / 2 - cos * x - sin * y, -sin, cos, NEARBY / 2 + sin * x - cos * y];
  // Weights that are no detector's give boxes without end.
  if (!view.every(Number.isFinite)) return undefined;
  const size = { width: NEARBY, height: NEARBY };
  const found = await detectUnder(detector, photo, view, size, { threshold: LEAST_SCORE, nms, signal });
  return found.find(seen => overlap(seen.box, box) > SAME_FACE);
}

type Point = Detection['landmarks'][number];

/** The score whose odds are the geometric mean of those of all. */
function combineScores(...scores: readonly number[]): number {
  const odds = (score: number) => Math.max(score, 1e-4) / Math.max(1 - score, 1e-4);
  const both = scores.reduce((product, score) => product * odds(score), 1) ** (1 / scores.length);
  return both / (1 + both);
}
