// `mask-build` on WebAssembly; see mask-build.as.ts.

import { divided, type Job, type WasmKernel } from '../wasm.js';
import type { MaskBuildParams } from './mask-build.js';

export const wasmMaskBuild: WasmKernel<MaskBuildParams> = {
  jobs: params => [jobOf(params)],
};

function jobOf(params: MaskBuildParams): Job {
  const { width, height } = params;
  const pixels = divided(width * height, 1, 4);
  const rows = divided(height, width);
  switch (params.operation) {
    case 'labels': {
      const { values, gap } = params;
      const args = ['labels', 'values', values.length, 'y', width * height, gap ? 1 : 0, pixels.each];
      return { run: 'maskOfLabels', args, parts: pixels.parts, local: 1024 };
    }
    case 'frame': {
      const args = ['x', 'y', width, height, params.border, params.gap ? 1 : 0, rows.each];
      return { run: 'maskInFrame', args, parts: rows.parts };
    }
    case 'minimum-gap': {
      const args = ['a', 'b', 'coverage', 'y', width * height, params.full, pixels.each];
      return { run: 'minimumOfMasks', args, parts: pixels.parts };
    }
    case 'shape': {
      const { ellipse, within, affine, feather } = params;
      const args = [within ? 'x' : null, 'y', width, height, ellipse ? 1 : 0, ...affine, feather, rows.each];
      return { run: 'maskOfShape', args, parts: rows.parts };
    }
  }
}
