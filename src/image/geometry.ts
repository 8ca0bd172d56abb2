// Sizes, points and transforms, as pictures, kernels and the pipeline have them in common.

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A part of a picture, in its pixels; it may begin outside. */
export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

/** x and y, in pixels. */
export type Point = readonly [number, number];

/** An affine transform, 2x3 in rows: (a, b, tx, c, d, ty). */
export type Matrix = Float64Array;
