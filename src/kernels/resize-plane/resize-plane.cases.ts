// Sizes and filters on which `resize-plane` is tested.

import type { Size } from '../../image/geometry.js';
import type { Case, KernelTest } from '../kernel.js';
import { type ResizePlaneParams, resizePlane } from './resize-plane.js';
import { resizePlaneReference } from './resize-plane.ref.js';
import { type Filter, resizeTaps } from './taps.js';

const size = (width: number, height: number): Size => ({ width, height });

function planeCase(filter: Filter, from: Size, to: Size, planes = 1, step?: number): Case<ResizePlaneParams> {
  const params = { from, to, planes, taps: resizeTaps(filter, from, to, step) };
  return {
    name: `${filter}, ${planes} of ${from.width}x${from.height} to ${to.width}x${to.height}`,
    params,
    tolerance: { f32: 1e-6, f16: 1e-6 },
  };
}

const cases = [
  planeCase('linear', size(1, 1), size(3, 2)),
  planeCase('linear', size(61, 47), size(90, 33), 3),
  planeCase('linear', size(10, 8), size(23, 18), 1, 1 / 2.3),
  planeCase('area', size(61, 47), size(20, 11), 2),
  planeCase('area', size(9, 5), size(1, 1)),
  planeCase('area', size(9, 12), size(20, 30)),
  planeCase('lanczos4', size(31, 17), size(62, 11)),
  planeCase('lanczos4', size(2, 3), size(9, 7)),
];

export const resizePlaneTest: KernelTest<ResizePlaneParams> = {
  kernel: resizePlane,
  cases,
  usual: [planeCase('linear', size(512, 512), size(1024, 1024), 3)],
  reference: resizePlaneReference,
};
