// Rectangles on which `composite` is tested. Results are equal: masks and fractions are multiples of 1/64, so that all sums are exact.

import type { Rect } from '../../image/geometry.js';
import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { type CompositeParams, composite, type FinishCompositeParams, finishComposite } from './composite.js';
import { compositeReference, finishCompositeReference } from './composite.ref.js';

const picture = { width: 41, height: 37 };
const whole: Rect = { x: 0, y: 0, ...picture };
const part: Rect = { x: 9, y: 5, width: 30, height: 17 };

/** Three fractions, of 6 bits each. */
const fractions = (_: number, random: () => number) => (anyWord(_, random) & 0x3f0fc3f0) >>> 0;

function compositeCase(name: string, params: Partial<CompositeParams>): Case<CompositeParams> {
  const all: CompositeParams = {
    picture,
    rect: part,
    fractions: null,
    compat: false,
    pasted: 'rgba',
    gap: false,
    strength: 1,
    full: 1,
    ...params,
  };
  const bits = new Uint32Array(1);
  const floats = new Float32Array(bits.buffer);
  const share = (_: number, random: () => number) => Math.min(Math.max(Math.round(random() * 96), 0), 64) / 64;
  return {
    name,
    params: all,
    tolerance: { f32: 0, f16: 0 },
    fill: {
      // The gap does not follow from the mask here, to tell which of the two is used.
      mask: share,
      coverage: (_, random) => [1, 1, 1, 0.5, 0.25][Math.floor((random() + 1) * 2.5)]!,
      pasted: (_, random) => {
        if (all.pasted === 'rgba') return anyWord(0, random);
        floats[0] = Math.round((random() + 1) * 500) / 4;
        return bits[0]!;
      },
      picture: anyWord,
      fractions,
    },
  };
}

function finishCase(rect: Rect): Case<FinishCompositeParams> {
  return {
    name: `${rect.width}x${rect.height}`,
    params: { picture, fractions: rect },
    tolerance: { f32: 0, f16: 0 },
    fill: { picture: anyWord, fractions },
  };
}

const cases = [
  compositeCase('rounded', {}),
  compositeCase('rounded, whole picture, half strength', { rect: whole, strength: 0.5 }),
  compositeCase('rounded, planes', { pasted: 'planes' }),
  compositeCase('fractions kept in a part', { fractions: { x: 15, y: 0, width: 11, height: 30 } }),
  compositeCase('compat', { compat: true }),
  compositeCase('compat, full just below 1', { compat: true, full: 1 - 2 ** -24 }),
  compositeCase('compat, with gap', { compat: true, gap: true }),
  compositeCase('compat, planes and fractions', { compat: true, pasted: 'planes', fractions: whole }),
  compositeCase('one pixel', { picture: { width: 1, height: 1 }, rect: { x: 0, y: 0, width: 1, height: 1 } }),
];

export const compositeTest: KernelTest<CompositeParams> = {
  kernel: composite,
  cases,
  usual: [
    compositeCase('900x900 of 2048x2048', {
      picture: { width: 2048, height: 2048 },
      rect: { x: 600, y: 500, width: 900, height: 900 },
    }),
  ],
  reference: compositeReference,
};

export const finishCompositeTest: KernelTest<FinishCompositeParams> = {
  kernel: finishComposite,
  cases: [finishCase(part), finishCase(whole)],
  usual: [
    {
      ...finishCase(part),
      name: '900x900 of 2048x2048',
      params: { picture: { width: 2048, height: 2048 }, fractions: { x: 600, y: 500, width: 900, height: 900 } },
    },
  ],
  reference: finishCompositeReference,
};
