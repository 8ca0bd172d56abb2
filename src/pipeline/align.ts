// Alignment: the similarity transform that brings five landmarks onto the template which the networks were trained on.

import { vec2d } from 'wgpu-matrix';
import { checkObject } from '../checks.js';
import { describe, invalidArgument } from '../errors.js';
import type { Point } from '../image/geometry.js';

export { invertAffine } from '../pixels/affine.js';

/** Left eye, right eye, nose, left and right corner of the mouth, as seen in the picture, in a crop of 512 pixels. */
const TEMPLATE: readonly Point[] = [
  [192.98138, 239.94708],
  [318.90277, 240.1936],
  [256.63416, 314.01935],
  [201.26117, 371.41043],
  [313.08905, 371.15118],
];

const TEMPLATE_SIZE = 512;

/** How a face is cut out. */
export interface AlignOptions {
  /**
   * `lmeds` is OpenCV's estimateAffinePartial2D with least median of squares: landmarks far off are left out. `least-squares`
   * weighs all five alike. Default `lmeds`.
   */
  readonly method?: 'lmeds' | 'least-squares';
}

/** x' = a x - b y + tx, y' = b x + a y + ty. */
interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly tx: number;
  readonly ty: number;
}

/**
 * The similarity from a picture to the crop of a face.
 * @param landmarks five points in the order of the template, in pixels of the picture
 * @param size side of the crop
 * @returns 2x3 in rows
 * @throws `INVALID_ARGUMENT` for landmarks that are not five finite points, or lie on a line or in one point
 */
export function alignFace(landmarks: readonly Point[], size = TEMPLATE_SIZE, options: AlignOptions = {}): Float64Array {
  checkObject(options, 'options');
  const { method = 'lmeds' } = options;
  if (method !== 'lmeds' && method !== 'least-squares')
    throw invalidArgument("'lmeds' or 'least-squares'", 'method', method);
  if (!(Number.isFinite(size) && size > 0)) throw invalidArgument('a number above 0', 'size', size);
  const source = checkLandmarks(landmarks);
  const target = TEMPLATE.map(([x, y]) => single([(x * size) / TEMPLATE_SIZE, (y * size) / TEMPLATE_SIZE]));
  const all = source.map((_, i) => i);
  const used = method === 'least-squares' ? all : inliers(source, target);
  const fitted = used && leastSquares(source, target, used);
  if (!fitted || !(Math.hypot(fitted.a, fitted.b) > 0)) throw degenerate(landmarks);
  const { a, b, tx, ty } = fitted;
  const matrix = Float64Array.of(a, -b, tx, b, a, ty);
  if (!matrix.every(Number.isFinite)) throw degenerate(landmarks);
  return matrix;
}

/** Smallest ratio of a face's extents: below it landmarks lie on a line. */
const FLATTEST = 1e-3;

function checkLandmarks(landmarks: readonly Point[]): Point[] {
  if (!Array.isArray(landmarks) || landmarks.length !== TEMPLATE.length)
    throw invalidArgument(`${TEMPLATE.length} points`, 'landmarks', landmarks);
  const points = landmarks.map((point, i): Point => {
    const [x, y] = Array.isArray(point) ? point : [];
    if (!Number.isFinite(x) || !Number.isFinite(y))
      throw invalidArgument(
        'two finite numbers',
        `landmarks[${i}]`,
        Array.isArray(point) ? `${describe(x)} ${describe(y)}` : point,
      );
    return single([x, y]);
  });
  // Variances along and across the line that fits best.
  const [cx, cy] = mean(points);
  let [xx, yy, xy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - cx) ** 2;
    yy += (y - cy) ** 2;
    xy += (x - cx) * (y - cy);
  }
  const spread = Math.hypot((xx - yy) / 2, xy);
  const along = (xx + yy) / 2 + spread;
  const across = (xx + yy) / 2 - spread;
  if (!(across > along * FLATTEST ** 2)) throw degenerate(landmarks);
  return points;
}

function degenerate(landmarks: readonly Point[]): Error {
  const shown = landmarks.map(point => Array.from(point).join(' ')).join(', ');
  return invalidArgument('points that are not on one line', 'landmarks', shown);
}

/**
 * The pairs that OpenCV draws for five points: its generator starts from a constant, so its 13 hypotheses for a confidence of
 * 0.99 are always the same, and only these six differ.
 */
const PAIRS: readonly (readonly [number, number])[] = [
  [0, 4],
  [0, 3],
  [1, 2],
  [0, 1],
  [1, 4],
  [1, 3],
];

/** Landmarks that fit the best of the pairs' transforms; null where no pair has two points. */
function inliers(source: readonly Point[], target: readonly Point[]): number[] | null {
  let best: number[] | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, j] of PAIRS) {
    const model = through(source[i]!, source[j]!, target[i]!, target[j]!);
    if (!model) continue;
    const residuals = source.map((point, k) => residual(model, point, target[k]!));
    // Two residuals are zero by construction.
    const median = residuals.toSorted((a, b) => a - b)[2]!;
    if (median < least) [best, least] = [residuals, median];
  }
  if (!best) return null;
  const sigma = Math.max(0.001, 2.5 * 1.4826 * (1 + 5 / 3) * Math.sqrt(least));
  const limit = Math.fround(sigma * sigma);
  return best.flatMap((value, i) => (value <= limit ? [i] : []));
}

/** The similarity that maps two points exactly. */
function through(p1: Point, p2: Point, q1: Point, q2: Point): Similarity | null {
  const p = vec2d.subtract(p1 as [number, number], p2 as [number, number]);
  const q = vec2d.subtract(q1 as [number, number], q2 as [number, number]);
  const length = vec2d.dot(p, p);
  if (length === 0) return null;
  const a = vec2d.dot(q, p) / length;
  const b = (q[1]! * p[0]! - q[0]! * p[1]!) / length;
  return { a, b, tx: q1[0] - a * p1[0] + b * p1[1], ty: q1[1] - b * p1[0] - a * p1[1] };
}

/** Squared distance to the target, in float32 throughout. */
function residual(model: Similarity, [x, y]: Point, [targetX, targetY]: Point): number {
  const f = Math.fround;
  const [a, b, tx, ty] = [f(model.a), f(model.b), f(model.tx), f(model.ty)];
  const dx = f(f(f(f(a * x) - f(b * y)) + tx) - targetX);
  const dy = f(f(f(f(b * x) + f(a * y)) + ty) - targetY);
  return f(f(dx * dx) + f(dy * dy));
}

/** The similarity with the least sum of squared distances. */
function leastSquares(source: readonly Point[], target: readonly Point[], used: readonly number[]): Similarity {
  const [cx, cy] = mean(used.map(i => source[i]!));
  const [targetX, targetY] = mean(used.map(i => target[i]!));
  let [along, across, square] = [0, 0, 0];
  for (const i of used) {
    const [x, y] = [source[i]![0] - cx, source[i]![1] - cy];
    const [u, v] = [target[i]![0] - targetX, target[i]![1] - targetY];
    along += x * u + y * v;
    across += x * v - y * u;
    square += x * x + y * y;
  }
  const a = along / square;
  const b = across / square;
  return { a, b, tx: targetX - a * cx + b * cy, ty: targetY - b * cx - a * cy };
}

function mean(points: readonly Point[]): Point {
  const sum = points.reduce(([x, y], point) => [x + point[0], y + point[1]] as const, [0, 0] as Point);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** A point rounded to float32, as OpenCV takes it. */
const single = ([x, y]: Point): Point => [Math.fround(x), Math.fround(y)];
