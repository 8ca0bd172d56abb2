// The meaning of `pack-weights`.

import type { NumberArray } from '../kernel.js';
import { type PackWeightsParams, packedWeightElements } from './pack-weights.js';

/** Index of a weight in the packed layout. */
export function packedIndex(inputs: number, taps: number, output: number, input: number, tap: number): number {
  const groups = Math.ceil(inputs / 4);
  const block = (Math.floor(output / 8) * taps + tap) * groups + Math.floor(input / 4);
  const place = (output % 4) * 2 + (Math.floor(output / 4) % 2);
  return (block * 8 + place) * 4 + (input % 4);
}

export function packWeightsReference(
  { out, in: inputs, size, factor: scaled, slot = 0 }: PackWeightsParams,
  operands: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { weights, factor } = operands as Record<'weights' | 'factor', NumberArray>;
  const packed = new Float32Array(packedWeightElements(out, inputs, size));
  for (let o = 0; o < out; o++)
    for (let i = 0; i < inputs; i++)
      for (let tap = 0; tap < size; tap++)
        packed[packedIndex(inputs, size, o, i, tap)] =
          weights[(o * inputs + i) * size + tap]! * (scaled ? factor[o]! : 1);
  const faults = Uint32Array.from(operands.faults!);
  if (!packed.every(Number.isFinite)) faults[slot]! |= 1;
  return { packed, faults };
}
