// What follows the sums of a convolution: y = residual + alpha * activation(sum + bias).

import { gelu4, leaky4, madd, splat, swish4 } from '../prelude.as';

/** Values of `activation`; no activation is a leaky one of slope 1. */
const GELU = 1;
const SWISH = 2;

// @ts-ignore: decorator
@inline
export function activate4(x: v128, activation: i32, slope: v128): v128 {
  if (activation == GELU) return gelu4(x);
  if (activation == SWISH) return swish4(x);
  return leaky4(x, slope);
}

/** Four channels of a pixel. `residual` is 0 where there is none. */
// @ts-ignore: decorator
@inline
export function finish4(sum: v128, bias: v128, activation: i32, slope: v128, residual: usize, alpha: v128): v128 {
  const value = activate4(f32x4.add(sum, bias), activation, slope);
  return residual ? madd(alpha, value, v128.load(residual)) : value;
}
