// What a convolution as a product of pixels and channels tells its shader; see rows.wgsl.

import { ceilDiv } from '../kernel.js';
import { placeOf } from '../webgpu.js';
import type { ConvParams } from './conv.js';
import { epilogueUniforms } from './epilogue.js';

/** Fields of uniforms that tell what each pixel of y reads, and what follows its sums. */
export function rowUniforms(params: ConvParams): Record<string, number> {
  const { x, y, size, stride, upsample, padTop, padLeft, padMode } = params;
  return {
    pixels: y.n * y.h * y.w,
    groups: ceilDiv(x.c, 4),
    size,
    stride,
    pad_top: padTop,
    pad_left: padLeft,
    mirror: padMode === 'reflect' ? 1 : 0,
    upsample: upsample - 1,
    height: x.h * upsample,
    width: x.w * upsample,
    ...placeOf('x', x),
    y_height: y.h,
    y_width: y.w,
    blocks: ceilDiv(y.c, 8),
    ...epilogueUniforms(params),
  };
}
