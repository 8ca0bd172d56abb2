// Sizes on which `pull-colours` and `push-colours` are tested. Integers throughout, so results are equal.

import type { Rect, Size } from '../../image/geometry.js';
import type { Case, KernelTest } from '../kernel.js';
import { cutOut } from '../resize-linear/cut-out.js';
import { type PullColoursParams, type PushColoursParams, pullColours, pushColours } from './fill-transparent.js';
import { pullColoursReference, pushColoursReference } from './fill-transparent.ref.js';

const tolerance = { f32: 0, f16: 0 };
const size = (width: number, height: number): Size => ({ width, height });

const pulls = [size(1, 1), size(8, 6), size(7, 1), size(33, 21)].map((from): Case<PullColoursParams> => {
  return { name: `${from.width}x${from.height}`, params: { from }, tolerance, fill: { x: cutOut } };
});

function pushCase(name: string, whole: Size, rect: Rect, coarse: Size, under = cutOut): Case<PushColoursParams> {
  return { name, params: { whole, rect, coarse }, tolerance, fill: { x: cutOut, coarse: under } };
}

const all = (of: Size): Rect => ({ x: 0, y: 0, ...of });

const pushes = [
  pushCase('one pixel', size(1, 1), all(size(1, 1)), size(1, 1)),
  pushCase('the half', size(16, 10), all(size(16, 10)), size(8, 5)),
  pushCase('odd sides', size(17, 11), all(size(17, 11)), size(9, 6)),
  pushCase('rows of a larger picture', size(40, 90), { x: 0, y: 31, width: 40, height: 20 }, size(13, 29)),
  pushCase('nothing below', size(9, 9), all(size(9, 9)), size(5, 5), () => 0),
];

export const pullColoursTest: KernelTest<PullColoursParams> = {
  kernel: pullColours,
  cases: pulls,
  usual: [{ name: '2048x2048', params: { from: size(2048, 2048) }, fill: { x: cutOut } }],
  reference: pullColoursReference,
};

export const pushColoursTest: KernelTest<PushColoursParams> = {
  kernel: pushColours,
  cases: pushes,
  usual: [pushCase('2048x2048', size(2048, 2048), all(size(2048, 2048)), size(1024, 1024))],
  reference: pushColoursReference,
};
