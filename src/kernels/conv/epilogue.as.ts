// What follows the sums of a convolution: y = residual + alpha * activation(sum + bias). Each step is a loop over values in memory, because the
// compiler takes a branch between values for cheap and computes both sides.

import { gelu4, leaky4, madd, splat, swish4 } from '../prelude.as';

// Values of `activation`.
const NONE = 0;
const LEAKY = 1;
const GELU = 2;

/** Adds the bias to `count` vectors, `step` bytes apart, and activates them. */
// @ts-ignore: decorator
@inline
function activate(values: usize, step: usize, count: i32, bias: v128, activation: i32, slope: f32): void {
  const end = values + <usize>count * step;
  if (activation == NONE) {
    for (; values != end; values += step) v128.store(values, f32x4.add(v128.load(values), bias));
  } else if (activation == LEAKY) {
    for (; values != end; values += step)
      v128.store(values, leaky4(f32x4.add(v128.load(values), bias), splat(slope)));
  } else if (activation == GELU) {
    for (; values != end; values += step) v128.store(values, gelu4(f32x4.add(v128.load(values), bias)));
  } else {
    for (; values != end; values += step) v128.store(values, swish4(f32x4.add(v128.load(values), bias)));
  }
}

/**
 * Four channels of `rows` times `columns` pixels. Steps are in bytes.
 * @param values sums, changed in place
 * @param valuesStep from pixel to pixel; those of all rows lie at even distances, `valuesColumns` in each row
 * @param to the first pixel, as is `residual`, which is 0 where there is none
 * @param toRow pixels from row to row
 */
export function finish(
  values: usize,
  valuesStep: usize,
  valuesColumns: i32,
  rows: i32,
  columns: i32,
  bias: usize, // 0 where there is none
  activation: i32,
  slope: f32,
  residual: usize,
  residualStep: usize,
  alpha: f32,
  to: usize,
  toStep: usize,
  toRow: i32,
): void {
  if (bias || activation != NONE)
    activate(values, valuesStep, rows * valuesColumns, bias ? v128.load(bias) : splat(0), activation, slope);
  for (let row = 0; row < rows; row++) {
    let from = values;
    let at = to;
    if (residual) {
      let add = residual;
      for (let column = 0; column < columns; column++, from += valuesStep, at += toStep, add += residualStep)
        v128.store(at, madd(splat(alpha), v128.load(from), v128.load(add)));
      residual += <usize>toRow * residualStep;
    } else {
      for (let column = 0; column < columns; column++, from += valuesStep, at += toStep) v128.store(at, v128.load(from));
    }
    values += <usize>valuesColumns * valuesStep;
    to += <usize>toRow * toStep;
  }
}
