// Transfers on which `colour-transfer` is tested, values beyond the range included.

import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { type ColourTransferParams, colourTransfer } from './colour-transfer.js';
import { colourTransferReference } from './colour-transfer.ref.js';

/** Grey without any tint or contrast of another picture. */
const PLAIN_GREY = new Float32Array([1, 1, 1, 0, 0, 0]);

function transferCase(
  name: string,
  pixels: number,
  affine: Float32Array,
  tone?: Float32Array,
): Case<ColourTransferParams> {
  const params = { pixels, affine, tone };
  return {
    name,
    params,
    tolerance: { f32: 1e-5, f16: 1e-5 },
    fill: {
      x: anyWord,
    },
  };
}

/** Reddish in the middle, blue below. */
const TONE = Float32Array.from({ length: 768 }, (_, i) => {
  const level = i % 256;
  return i < 256 ? 255 * Math.sqrt(level / 255) : i < 512 ? level : 30 + 0.5 * level;
});

const cases = [
  transferCase('plain grey, one pixel', 1, PLAIN_GREY),
  transferCase('plain grey', 500, PLAIN_GREY),
  transferCase('mean and contrast', 777, new Float32Array([1.5, 0.7, 1.1, -40, 60, 20])),
  transferCase('toned', 777, new Float32Array([1.5, 1.5, 1.5, -40, -40, -40]), TONE),
];

export const colourTransferTest: KernelTest<ColourTransferParams> = {
  kernel: colourTransfer,
  cases,
  usual: [transferCase('512x512', 2 ** 18, PLAIN_GREY)],
  reference: colourTransferReference,
};
