// `warp-affine` on WebGPU; see warp-affine.wgsl.

import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import { warpUniforms } from './tables.js';
import type { WarpAffineParams } from './warp-affine.js';
import code from './warp-affine.wgsl';

export const webgpuWarpAffine: WebgpuKernel<WarpAffineParams> = {
  dispatches(params): Dispatch[] {
    const { target, compat, samples, border } = params;
    const mirrored = 'mirrored' in border ? border.mirrored : null;
    const [r, g, b, a] = 'mirrored' in border ? [0, 0, 0, 0] : border;
    const pixels = target.width * target.height;
    return [
      {
        shader: {
          name: 'warp-affine',
          code,
          constants: { COMPAT: compat ? 1 : 0, SAMPLES: samples, MIRRORED: mirrored ? 1 : 0 },
        },
        uniforms: {
          ...warpUniforms(params),
          border: (r | (g << 8) | (b << 16) | (a << 24)) >>> 0,
          whole_width: mirrored?.width ?? 0,
          whole_height: mirrored?.height ?? 0,
        },
        workgroups: squareGrid(target),
        operands: ['x', 'columns', 'rows', 'shifts', 'y'],
        flops: pixels * samples * samples * 40,
        bytes: 4 * pixels * (1 + 4 * samples * samples),
      },
    ];
  },
};
