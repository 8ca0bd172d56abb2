// Transforms on which `warp-affine` is tested. Integers throughout, so results are equal.

import type { Rect } from '../../image/geometry.js';
import { anyWord, type Case, type KernelTest } from '../kernel.js';
import type { Warp } from './tables.js';
import { type WarpAffineParams, warpAffine } from './warp-affine.js';
import { warpAffineReference } from './warp-affine.ref.js';

const rect = (x: number, y: number, width: number, height: number): Rect => ({ x, y, width, height });

/** Rotations, scales, shears, and places on and far beyond the border. */
export const WARPS: readonly (Warp & { readonly name: string })[] = [
  ['identity', rect(0, 0, 9, 7), rect(0, 0, 9, 7), [1, 0, 0, 0, 1, 0], 1],
  ['one pixel', rect(0, 0, 1, 1), rect(0, 0, 3, 3), [1, 0, -0.7, 0, 1, -1.3], 1],
  ['rotated, enlarged', rect(0, 0, 31, 23), rect(0, 0, 40, 29), [0.61, -0.33, 5.1, 0.33, 0.61, -3.7], 1],
  [
    'upside down, a part of the target',
    rect(0, 0, 31, 23),
    rect(17, 100, 21, 15),
    [-0.9, 0.11, 50.3, -0.11, -0.9, 117.7],
    1,
  ],
  ['from a part of the source', rect(40, 20, 17, 19), rect(0, 0, 20, 20), [0.8, 0.2, 38.3, -0.2, 0.8, 23.1], 1],
  ['shrunk', rect(0, 0, 61, 47), rect(0, 0, 33, 29), [1.7, 0.4, -3.3, -0.5, 1.9, 4.1], 2],
  ['far outside', rect(0, 0, 5, 5), rect(0, 0, 4, 4), [1, 0, 1e7, 0, 1, -1e9], 1],
].flatMap(([name, source, target, inverse, samples]) =>
  [true, false].map(compat => ({
    name: `${name}${compat ? ', compat' : ''}`,
    source: source as Rect,
    target: target as Rect,
    inverse: Float64Array.from(inverse as number[]),
    compat,
    samples: compat ? 1 : (samples as 1 | 2),
  })),
);

/** The picture mirrored at its edges: over them, far beyond, and where only a part of it is there. */
const MIRRORED = (
  [
    ['over the edge', rect(0, 0, 31, 23), [0.8, -0.3, -9.3, 0.3, 0.8, -5.7], 1],
    ['shrunk', rect(0, 0, 31, 23), [1.7, 0.4, -13.3, -0.5, 1.9, -14.1], 2],
    ['many times', rect(0, 0, 5, 3), [1.1, 0, -31, 0, 1.1, -7], 1],
    ['a part of the source', rect(0, 2, 20, 21), [0.7, 0, -5.2, 0, 0.7, 8.6], 1],
    ['a part at the other edge', rect(7, 0, 24, 23), [0.7, 0, 20.2, 0, 0.7, 3.6], 1],
  ] as const
).map(([name, source, inverse, samples]): WarpAffineParams & { readonly name: string } => {
  const whole = source.width === 5 ? { width: 5, height: 3 } : { width: 31, height: 23 };
  const target = rect(0, 0, 19, 17);
  const border = { mirrored: whole };
  return {
    name: `mirrored, ${name}`,
    source,
    target,
    inverse: Float64Array.from(inverse),
    compat: false,
    samples,
    border,
  };
});

const BORDERED = WARPS.map(warp => ({ ...warp, border: [135, 133, 132, 255] as const }));

const cases = [...BORDERED, ...MIRRORED].map((params): Case<WarpAffineParams> => {
  return {
    name: params.name,
    params,
    tolerance: { f32: 0, f16: 0 },
    fill: {
      x: anyWord,
    },
  };
});

export const warpAffineTest: KernelTest<WarpAffineParams> = {
  kernel: warpAffine,
  cases,
  usual: [
    {
      name: '1024x1024 to 512x512',
      params: {
        source: rect(0, 0, 1024, 1024),
        target: rect(0, 0, 512, 512),
        inverse: Float64Array.of(1.2, 0.1, 100, -0.1, 1.2, 150),
        compat: false,
        samples: 1,
        border: [135, 133, 132, 255],
      },
      fill: { x: anyWord },
    },
  ],
  reference: warpAffineReference,
};
