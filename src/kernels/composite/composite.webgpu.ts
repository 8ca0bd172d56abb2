// `composite` and `finish-composite` on WebGPU; see composite.wgsl and finish.wgsl.

import type { Rect, Size } from '../../image/geometry.js';
import { type Dispatch, squareGrid, type WebgpuKernel } from '../webgpu.js';
import type { CompositeParams, FinishCompositeParams } from './composite.js';
import code from './composite.wgsl';
import finish from './finish.wgsl';

export const webgpuComposite: WebgpuKernel<CompositeParams> = {
  dispatches({ picture, rect, fractions, compat, pasted, gap, strength, full }): Dispatch[] {
    const pixels = rect.width * rect.height;
    return [
      {
        shader: {
          name: 'composite',
          code,
          constants: { COMPAT: compat ? 1 : 0, GAP: gap ? 1 : 0, PLANES: pasted === 'planes' ? 1 : 0 },
        },
        uniforms: { ...sizeOf(picture), ...rectOf('rect', rect), ...rectOf('kept', fractions), strength, full },
        workgroups: squareGrid(rect),
        operands: ['pasted', 'coverage', 'mask', 'fractions', 'picture'],
        flops: 30 * pixels,
        bytes: 20 * pixels,
      },
    ];
  },
};

export const webgpuFinishComposite: WebgpuKernel<FinishCompositeParams> = {
  dispatches({ picture, fractions }): Dispatch[] {
    const pixels = fractions.width * fractions.height;
    return [
      {
        shader: { name: 'finish-composite', code: finish },
        uniforms: { ...sizeOf(picture), ...rectOf('kept', fractions) },
        workgroups: squareGrid(fractions),
        operands: ['fractions', 'picture'],
        flops: 4 * pixels,
        bytes: 16 * pixels,
      },
    ];
  },
};

const sizeOf = ({ width, height }: Size) => ({ width, height });

/** Fields of uniforms for a rectangle, or for none. */
const rectOf = (name: string, rect: Rect | null): Record<string, number> => ({
  [`${name}_x`]: rect?.x ?? 0,
  [`${name}_y`]: rect?.y ?? 0,
  [`${name}_width`]: rect?.width ?? 0,
  [`${name}_height`]: rect?.height ?? 0,
});
