// Sizes on which `resize-linear` is tested. Integers throughout, so results are equal.

import type { Size } from '../../image/geometry.js';
import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { resizeTaps } from '../resize-plane/taps.js';
import { cutOut } from './cut-out.js';
import { type ResizeLinearParams, resizeLinear } from './resize-linear.js';
import { resizeLinearReference } from './resize-linear.ref.js';

const size = (width: number, height: number): Size => ({ width, height });

function resizeCase(name: string, from: Size, to: Size, premultiplied = false): Case<ResizeLinearParams> {
  const params = { from, to, taps: resizeTaps('linear', from, to), premultiplied };
  return {
    name,
    params,
    tolerance: { f32: 0, f16: 0 },
    fill: { x: premultiplied ? cutOut : anyWord },
  };
}

const cases = [
  resizeCase('one pixel', size(1, 1), size(1, 1)),
  resizeCase('one pixel to many', size(1, 1), size(5, 3)),
  resizeCase('many to one pixel', size(9, 7), size(1, 1)),
  resizeCase('a row', size(33, 1), size(20, 4)),
  resizeCase('larger, odd', size(17, 13), size(31, 41)),
  resizeCase('smaller, odd', size(61, 47), size(29, 9)),
  resizeCase('the half', size(34, 22), size(17, 11)),
  resizeCase('one axis each way', size(19, 40), size(57, 11)),
  resizeCase('premultiplied, larger', size(9, 7), size(21, 16), true),
  resizeCase('premultiplied, smaller', size(21, 16), size(13, 11), true),
];

export const resizeLinearTest: KernelTest<ResizeLinearParams> = {
  kernel: resizeLinear,
  cases,
  usual: [resizeCase('1024x1024 to the double', size(1024, 1024), size(2048, 2048))],
  reference: resizeLinearReference,
};
