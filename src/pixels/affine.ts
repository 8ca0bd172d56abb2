// Affine transforms as 2x3 row-major matrices (a, b, tx, c, d, ty) in double precision, and the rectangles that they map.

import { mat3d, vec2d } from 'wgpu-matrix';
import { describe, invalidArgument } from '../errors.js';
import type { Matrix, Rect, Size } from '../image/geometry.js';

/** @throws `INVALID_ARGUMENT` unless the value is six finite numbers */
export function checkMatrix(matrix: ArrayLike<number>, name = 'matrix'): Matrix {
  const length = matrix?.length;
  if (length !== 6) throw invalidArgument('six numbers, 2x3 in rows,', name, matrix);
  const values = Array.from(matrix);
  const wrong = values.findIndex(value => !Number.isFinite(value));
  if (wrong >= 0) throw invalidArgument('six finite numbers', name, values.map(describe).join(' '));
  return Float64Array.from(values);
}

/**
 * The inverse, operation for operation as OpenCV's invertAffineTransform.
 * @throws `INVALID_ARGUMENT` for a matrix that is not finite or has no inverse
 */
export function invertAffine(matrix: ArrayLike<number>): Matrix {
  const [a, b, tx, c, d, ty] = checkMatrix(matrix) as unknown as [number, number, number, number, number, number];
  const reciprocal = 1 / (a * d - b * c);
  const inverse = Float64Array.of(d * reciprocal, -b * reciprocal, 0, -c * reciprocal, a * reciprocal, 0);
  inverse[2] = -inverse[0]! * tx - inverse[1]! * ty;
  inverse[5] = -inverse[3]! * tx - inverse[4]! * ty;
  if (!inverse.every(Number.isFinite))
    throw invalidArgument('a matrix that has an inverse', 'matrix', Array.from(matrix).join(' '));
  return inverse;
}

/** The transform that does `first` and then `second`. */
export function composeAffine(second: Matrix, first: Matrix): Matrix {
  return fromMat3(mat3d.multiply(toMat3(second), toMat3(first)));
}

/** From a picture's pixels to those of the same picture scaled by a factor: pixel centres are at whole numbers. */
export function pixelScaling(factor: number): Matrix {
  const shift = (factor - 1) / 2;
  return Float64Array.of(factor, 0, shift, 0, factor, shift);
}

/** Where a point is mapped to. */
export function transformPoint(matrix: Matrix, x: number, y: number): [number, number] {
  const point = vec2d.transformMat3([x, y], toMat3(matrix));
  return [point[0]!, point[1]!];
}

function toMat3([a, b, tx, c, d, ty]: Matrix) {
  return mat3d.create(a, c, 0, b, d, 0, tx, ty, 1);
}

/** Columns of the library's 3x3 matrices are four numbers apart. */
function fromMat3(m: ArrayLike<number>): Matrix {
  return Float64Array.of(m[0]!, m[4]!, m[8]!, m[1]!, m[5]!, m[9]!);
}

/**
 * The smallest rectangle of whole pixels around the image of [left, right] x [top, bottom], cut to a frame.
 * @param mirror the frame goes on mirrored outside, so that the rectangle holds what is seen there as well
 * @returns null where it lies outside of the frame
 */
export function mappedRect(
  matrix: Matrix,
  [left, top, right, bottom]: readonly [number, number, number, number],
  margin: number,
  frame: Size,
  mirror = false,
): Rect | null {
  const corners = [
    transformPoint(matrix, left, top),
    transformPoint(matrix, right, top),
    transformPoint(matrix, left, bottom),
    transformPoint(matrix, right, bottom),
  ];
  const range = (axis: 0 | 1, count: number): [number, number] => {
    const values = corners.map(corner => corner[axis]);
    const first = Math.floor(Math.min(...values)) - margin;
    const last = Math.ceil(Math.max(...values)) + margin;
    const [begin, end] = mirror ? foldedRange(first, last, count) : [Math.max(0, first), Math.min(count, last + 1)];
    return [begin, end - begin];
  };
  const [x, width] = range(0, frame.width);
  const [y, height] = range(1, frame.height);
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** What is seen of an axis that goes on mirrored, each end pixel twice, from its first to its last place: as [begin, end). */
function foldedRange(first: number, last: number, count: number): [number, number] {
  const folded = (at: number) => {
    const turn = ((at % (2 * count)) + 2 * count) % (2 * count);
    return turn < count ? turn : 2 * count - 1 - turn;
  };
  const seen = [folded(first), folded(last)];
  // The ends that lie in between: pixel 0 at even multiples of the count, the last one at odd ones.
  const edge = Math.ceil(first / count);
  for (const k of [edge, edge + 1]) if (k * count <= last) seen.push(k % 2 === 0 ? 0 : count - 1);
  return [Math.min(...seen), Math.max(...seen) + 1];
}

/** The part that two rectangles share, or null. */
export function intersection(a: Rect, b: Rect): Rect | null {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  const width = Math.min(a.x + a.width, b.x + b.width) - x;
  const height = Math.min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** The smallest rectangle around two. */
export function union(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  const width = Math.max(a.x + a.width, b.x + b.width) - x;
  const height = Math.max(a.y + a.height, b.y + b.height) - y;
  return { x, y, width, height };
}
