// Weights [out][in][taps] as blocks of 8 outputs, see pack-weights.wgsl. A part is a block.

import { splat, storeTransposed } from '../prelude.as';

/** Up to four inputs of an output, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function gather4(from: usize, step: usize, count: i32): v128 {
  let value = v128.load32_zero(from);
  if (count > 1) value = f32x4.replace_lane(value, 1, load<f32>(from + step));
  if (count > 2) value = f32x4.replace_lane(value, 2, load<f32>(from + 2 * step));
  if (count > 3) value = f32x4.replace_lane(value, 3, load<f32>(from + 3 * step));
  return value;
}

/** All bits where the magnitude is NaN or infinite. */
// @ts-ignore: decorator
@inline
function infinite4(value: v128): v128 {
  return i32x4.ge_s(v128.and(value, i32x4.splat(0x7fffffff)), i32x4.splat(0x7f800000));
}

/**
 * @param factor 0 where there is none
 * @param found a word for each part: not zero where a packed value is NaN or infinite
 */
export function packWeights(
  part: i32,
  local: usize,
  weights: usize,
  factor: usize,
  outputs: i32,
  inputs: i32,
  taps: i32,
  packed: usize,
  found: usize,
): void {
  const groups = (inputs + 3) >> 2;
  const step = <usize>taps << 2;
  const tapStep = <usize>groups << 7;
  packed += <usize>part * <usize>taps * tapStep;
  let infinite = i32x4.splat(0);
  for (let group = 0; group < groups; group++, packed += 128) {
    const count = min(4, inputs - group * 4);
    for (let lane = 0; lane < 8; lane++) {
      const output = part * 8 + lane;
      let to = packed + <usize>((lane & 3) * 2 + (lane >> 2)) * 16;
      if (output >= outputs) {
        for (let tap = 0; tap < taps; tap++, to += tapStep) v128.store(to, splat(0));
        continue;
      }
      const scale = splat(factor ? load<f32>(factor + (<usize>output << 2)) : 1);
      let from = weights + (<usize>output * <usize>inputs + <usize>group * 4) * step;
      let tap = 0;
      for (; count == 4 && tap + 4 <= taps; tap += 4, from += 16, to += 4 * tapStep) {
        const r0 = f32x4.mul(v128.load(from), scale);
        const r1 = f32x4.mul(v128.load(from + step), scale);
        const r2 = f32x4.mul(v128.load(from + 2 * step), scale);
        const r3 = f32x4.mul(v128.load(from + 3 * step), scale);
        infinite = v128.or(infinite, v128.or(infinite4(r0), infinite4(r1)));
        infinite = v128.or(infinite, v128.or(infinite4(r2), infinite4(r3)));
        storeTransposed(r0, r1, r2, r3, to, to + tapStep, to + 2 * tapStep, to + 3 * tapStep);
      }
      for (; tap < taps; tap++, from += 4, to += tapStep) {
        const value = f32x4.mul(taps == 1 && count == 4 ? v128.load(from) : gather4(from, step, count), scale);
        infinite = v128.or(infinite, infinite4(value));
        v128.store(to, value);
      }
    }
  }
  store<i32>(found + (<usize>part << 2), v128.any_true(infinite) ? 1 : 0);
}

/** Sets bit 0 of the word `fault` where any of the words in `found` is set. One part. */
export function packWeightsFault(part: i32, local: usize, found: usize, count: i32, fault: usize): void {
  let any = 0;
  for (let i = 0; i < count; i++) any |= load<i32>(found + (<usize>i << 2));
  store<i32>(fault, load<i32>(fault) | any);
}
