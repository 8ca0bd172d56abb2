// The colours of a picture continued into its transparent parts, by a pyramid of smaller pictures.

import type { Rect, Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';

export interface PullColoursParams {
  readonly from: Size;
}

/** The size that `pullColours` makes of another. */
export const halved = ({ width, height }: Size): Size => ({
  width: Math.ceil(width / 2),
  height: Math.ceil(height / 2),
});

/** Operands: `x`, and `y` of half the size, rounded up; a pixel of 8-bit RGBA in each u32, red in the low byte. */
export const pullColours: Kernel<PullColoursParams> = {
  name: 'pull-colours',
  operands({ from }): Record<string, Operand> {
    const to = halved(from);
    return { x: array('read', 'u32', from.width * from.height), y: array('write', 'u32', to.width * to.height) };
  },
};

export interface PushColoursParams {
  /** The whole picture, and the part of it that x and y are. */
  readonly whole: Size;
  readonly rect: Rect;
  /** Of a smaller picture of the same. */
  readonly coarse: Size;
}

/**
 * Operands: `x`, `coarse`, `y`, a pixel of 8-bit RGBA in each u32, red in the low byte; `columns` and `rows` of the tables. y is opaque
 * unless `coarse` is transparent all over.
 */
export const pushColours: Kernel<PushColoursParams> = {
  name: 'push-colours',
  operands({ rect, coarse }): Record<string, Operand> {
    return {
      x: array('read', 'u32', rect.width * rect.height),
      coarse: array('read', 'u32', coarse.width * coarse.height),
      columns: array('read', 'i32', rect.width),
      rows: array('read', 'i32', rect.height),
      y: array('write', 'u32', rect.width * rect.height),
    };
  },
  tables({ whole, rect, coarse }) {
    return {
      columns: places(rect.x, rect.width, whole.width, coarse.width),
      rows: places(rect.y, rect.height, whole.height, coarse.height),
    };
  },
};

/** Places of pixel centres in the smaller picture, in 1/256 of its pixels. */
const places = (first: number, count: number, from: number, to: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => Math.floor(256 * (((first + i + 0.5) * to) / from - 0.5)));
