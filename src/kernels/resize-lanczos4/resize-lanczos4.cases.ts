// Sizes on which `resize-lanczos4` is tested. Integers throughout, so results are equal.

import type { Size } from '../../image/geometry.js';
import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { cutOut } from '../resize-linear/cut-out.js';
import { resizeTaps } from '../resize-plane/taps.js';
import { type ResizeLanczos4Params, resizeLanczos4 } from './resize-lanczos4.js';
import { resizeLanczos4Reference } from './resize-lanczos4.ref.js';

const size = (width: number, height: number): Size => ({ width, height });

function lanczosCase(
  name: string,
  from: Size,
  to: Size,
  band = { begin: 0, end: to.height },
  premultiplied = false,
): Case<ResizeLanczos4Params> {
  const params = { from, to, taps: resizeTaps('lanczos4', from, to), band, premultiplied };
  return {
    name,
    params,
    tolerance: { f32: 0, f16: 0 },
    fill: { x: premultiplied ? cutOut : anyWord, y: anyWord },
  };
}

const cases = [
  lanczosCase('one pixel', size(1, 1), size(1, 1)),
  lanczosCase('one pixel to many', size(1, 1), size(5, 3)),
  lanczosCase('the double', size(13, 9), size(26, 18)),
  lanczosCase('larger, odd', size(17, 13), size(31, 41)),
  lanczosCase('smaller, odd', size(61, 47), size(29, 9)),
  lanczosCase('the rows of a band', size(13, 29), size(26, 58), { begin: 21, end: 40 }),
  lanczosCase('premultiplied, larger', size(17, 13), size(31, 41), { begin: 0, end: 41 }, true),
  lanczosCase('premultiplied, smaller', size(21, 17), size(15, 13), { begin: 0, end: 13 }, true),
];

export const resizeLanczos4Test: KernelTest<ResizeLanczos4Params> = {
  kernel: resizeLanczos4,
  cases,
  usual: [lanczosCase('1024x1024 to the double', size(1024, 1024), size(2048, 2048))],
  reference: resizeLanczos4Reference,
};
