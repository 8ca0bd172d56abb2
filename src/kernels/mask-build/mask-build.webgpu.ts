// `mask-build` on WebGPU; see frame.wgsl, labels.wgsl, minimum-gap.wgsl and shape.wgsl.

import { ceilDiv } from '../kernel.js';
import { type Dispatch, linearGrid, squareGrid, type WebgpuKernel } from '../webgpu.js';
import frame from './frame.wgsl';
import labels from './labels.wgsl';
import { type MaskBuildParams, maskBuild } from './mask-build.js';
import minimumGap from './minimum-gap.wgsl';
import shape from './shape.wgsl';

export const webgpuMaskBuild: WebgpuKernel<MaskBuildParams> = {
  dispatches(params): Dispatch[] {
    const { width, height, operation } = params;
    const pixels = width * height;
    return [
      {
        shader: { name: `mask-build/${operation}`, code: CODES[operation], constants: variant(params) },
        uniforms: uniformsOf(params),
        workgroups:
          operation === 'frame' || operation === 'shape'
            ? squareGrid(params)
            : linearGrid(operation === 'labels' ? ceilDiv(pixels, 4) : pixels),
        operands: Object.keys(maskBuild.operands(params)),
        flops: 4 * pixels,
        bytes: 8 * pixels,
      },
    ];
  },
};

const CODES = { labels, frame, 'minimum-gap': minimumGap, shape };

function variant(params: MaskBuildParams): Record<string, number> {
  if (params.operation === 'shape') return { ELLIPSE: params.ellipse ? 1 : 0, WITHIN: params.within ? 1 : 0 };
  return 'gap' in params ? { GAP: params.gap ? 1 : 0 } : {};
}

function uniformsOf(params: MaskBuildParams): Record<string, number> {
  const { width, height } = params;
  switch (params.operation) {
    case 'labels':
      return { pixels: width * height, labels: params.values.length };
    case 'frame':
      return { width, height, border: params.border };
    case 'minimum-gap':
      return { pixels: width * height, full: params.full };
    case 'shape': {
      const [u_x, u_y, u_1, v_x, v_y, v_1] = params.affine as readonly [number, number, number, number, number, number];
      return { width, height, u_x, u_y, u_1, v_x, v_y, v_1, feather: params.feather };
    }
  }
}
