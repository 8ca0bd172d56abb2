// Masks on which `mask-build` is tested.

import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { type MaskBuildParams, maskBuild } from './mask-build.js';
import { maskBuildReference } from './mask-build.ref.js';

function maskCase(name: string, params: MaskBuildParams, tolerance = 0): Case<MaskBuildParams> {
  const labels = (_: number, random: () => number) => anyWord(_, random) & 0x1f1f1f1f;
  return {
    name,
    params,
    tolerance: { f32: tolerance, f16: tolerance },
    // Some of b are all but 1, or a little more.
    fill: {
      labels,
      b: (index, random) => [1, 1 - 2 ** -24, 1 + 2 ** -23, 1.001, 0.999, 0.5 + random() / 2][index % 6]!,
    },
  };
}

const values = Float32Array.from({ length: 20 }, (_, i) => (i % 3 === 0 ? 0 : i / 20));
const affine = [0.06, -0.02, -0.7, 0.02, 0.07, -0.9];

const cases = [
  maskCase('labels', { operation: 'labels', width: 17, height: 13, values, gap: false }),
  maskCase('labels with gap', { operation: 'labels', width: 17, height: 13, values, gap: true }, 1e-7),
  maskCase('one label', { operation: 'labels', width: 1, height: 1, values, gap: true }, 1e-7),
  maskCase('frame', { operation: 'frame', width: 29, height: 21, border: 10, gap: false }),
  maskCase('frame with gap', { operation: 'frame', width: 29, height: 21, border: 4, gap: true }),
  maskCase('all frame', { operation: 'frame', width: 5, height: 9, border: 10, gap: true }),
  maskCase('minimum with gap', { operation: 'minimum-gap', width: 31, height: 9, full: 1 - 2 ** -24 }, 2e-7),
  maskCase(
    'soft square',
    { operation: 'shape', width: 31, height: 27, ellipse: false, within: false, affine, feather: 0.3 },
    2e-6,
  ),
  maskCase(
    'ellipse',
    { operation: 'shape', width: 31, height: 27, ellipse: true, within: true, affine, feather: 0.5 },
    2e-6,
  ),
];

export const maskBuildTest: KernelTest<MaskBuildParams> = {
  kernel: maskBuild,
  cases,
  usual: [maskCase('512x512 labels', { operation: 'labels', width: 512, height: 512, values, gap: false })],
  reference: maskBuildReference,
};
