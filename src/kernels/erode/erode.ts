// Erosion of float planes by k x k.

import type { Size } from '../../image/geometry.js';
import { array, type Kernel, type Operand } from '../kernel.js';

export interface ErodeParams extends Size {
  readonly planes: number;
  /** Side of the window, at least 1. The window of a pixel begins floor(k / 2) before it. */
  readonly k: number;
}

/** Operands: `x` and `y`, planes of f32 one after another. */
export const erode: Kernel<ErodeParams> = {
  name: 'erode',
  operands({ width, height, planes }): Record<string, Operand> {
    const elements = planes * width * height;
    return {
      x: array('read', 'f32', elements),
      y: array('write', 'f32', elements),
    };
  },
};
