// Sizes on which `resize-area` is tested.

import type { Size } from '../../image/geometry.js';
import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { cutOut } from '../resize-linear/cut-out.js';
import { resizeTaps } from '../resize-plane/taps.js';
import { type ResizeAreaParams, resizeArea, wholeFactors } from './resize-area.js';
import { resizeAreaReference } from './resize-area.ref.js';

const size = (width: number, height: number): Size => ({ width, height });

function areaCase(name: string, from: Size, to: Size, premultiplied = false): Case<ResizeAreaParams> {
  const factors = wholeFactors(from, to);
  const params = { from, to, taps: resizeTaps('area', from, to), factors, premultiplied };
  return {
    name,
    params,
    tolerance: { f32: 0, f16: 0 },
    fill: { x: premultiplied ? cutOut : anyWord },
  };
}

const cases = [
  areaCase('one pixel', size(1, 1), size(1, 1)),
  areaCase('many to one pixel', size(9, 7), size(1, 1)),
  areaCase('the half', size(34, 22), size(17, 11)),
  areaCase('whole factors', size(36, 35), size(12, 7)),
  areaCase('any factors', size(61, 47), size(41, 29)),
  areaCase('one axis only', size(61, 47), size(13, 47)),
  areaCase('premultiplied, whole factors', size(36, 35), size(12, 7), true),
  areaCase('premultiplied, any factors', size(31, 27), size(23, 11), true),
];

export const resizeAreaTest: KernelTest<ResizeAreaParams> = {
  kernel: resizeArea,
  cases,
  usual: [areaCase('2048x2048 to the half', size(2048, 2048), size(1024, 1024))],
  reference: resizeAreaReference,
};
