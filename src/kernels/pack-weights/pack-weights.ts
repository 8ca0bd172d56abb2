// From PyTorch's layout of convolution weights to the one that the convolution kernels read.

import { array, type Kernel, type Operand, roundUp } from '../kernel.js';

export interface PackWeightsParams {
  readonly out: number;
  readonly in: number;
  /** Taps of a filter: height times width, 1 for a linear layer. */
  readonly size: number;
  /** Multiply the filters of each output channel by a value of the operand `factor`. Default false. */
  readonly factor?: boolean;
  /** How many words the operand `faults` has, and which of them is that of these weights. Default 1 and 0. */
  readonly slots?: number;
  readonly slot?: number;
}

/**
 * Bits of the smallest magnitude that a precision has no finite number for: infinity in f32; 65,520, which rounds to infinity, in f16.
 */
export const INFINITE_BITS = { f32: 0x7f800000, f16: 0x477ff000 } as const;

/** Output channels of a block of packed weights. */
const WEIGHT_BLOCK = 8;

/** Elements of packed weights: [out / 8 rounded up][taps][in / 4 rounded up][4][2][4], see pack-weights.wgsl. */
export const packedWeightElements = (out: number, inputs: number, taps: number): number =>
  roundUp(out, WEIGHT_BLOCK) * taps * roundUp(inputs, 4);

/**
 * Operands: `weights`, f32 [out, in, taps]; `factor`, f32 [out], where asked for; `packed`, in store precision, zero padded;
 * `faults`, u32 [slots]: bit 0 of the slot is set where a packed value is NaN or infinite.
 */
export const packWeights: Kernel<PackWeightsParams> = {
  name: 'pack-weights',
  operands({ out, in: inputs, size, factor, slots = 1 }): Record<string, Operand> {
    return {
      weights: array('read', 'f32', out * inputs * size),
      ...(factor && { factor: array('read', 'f32', out) }),
      packed: array('write', 'store', packedWeightElements(out, inputs, size)),
      faults: array('update', 'u32', slots),
    };
  },
};
