// Sizes on which `detail-energy` is tested.

import { anyWord, type Case, type KernelTest } from '../kernel.js';
import { type DetailEnergyParams, detailEnergy } from './detail-energy.js';
import { detailEnergyReference } from './detail-energy.ref.js';

const cases = (
  [
    [2, 1],
    [8, 4],
    [48, 4],
    [64, 32],
  ] as const
).map(([side, cells]): Case<DetailEnergyParams> => {
  return {
    name: `${side} in ${cells} cells`,
    params: { side, cells },
    tolerance: { f32: 1e-5, f16: 1e-5 },
    fill: { x: anyWord, half: anyWord },
  };
});

export const detailEnergyTest: KernelTest<DetailEnergyParams> = {
  kernel: detailEnergy,
  cases,
  usual: [{ name: '512 in 16 cells', params: { side: 512, cells: 16 }, fill: { x: anyWord, half: anyWord } }],
  reference: detailEnergyReference,
};
