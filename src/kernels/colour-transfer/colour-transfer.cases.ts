// Transfers on which `colour-transfer` is tested, values beyond the range included.

import type { Case, KernelTest } from '../kernel.js';
import { type ColourTransferParams, colourTransfer, PLAIN_GREY } from './colour-transfer.js';
import { colourTransferReference } from './colour-transfer.ref.js';

function transferCase(name: string, pixels: number, affine: Float32Array): Case<ColourTransferParams> {
  const params = { pixels, affine };
  return {
    name,
    params,
    tolerance: { f32: 1e-5, f16: 1e-5 },
    fill: {
      x: (_, random) => Math.floor((random() + 1) * 2 ** 31),
    },
  };
}

const cases = [
  transferCase('plain grey, one pixel', 1, PLAIN_GREY),
  transferCase('plain grey', 500, PLAIN_GREY),
  transferCase('mean and contrast', 777, new Float32Array([1.5, 0.7, 1.1, -40, 60, 20])),
];

export const colourTransferTest: KernelTest<ColourTransferParams> = {
  kernel: colourTransfer,
  cases,
  reference: colourTransferReference,
};
