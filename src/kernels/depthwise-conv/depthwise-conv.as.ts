// 3x3 convolution of each channel with a filter of its own, one pixel of zeros around, then bias and leaky rectifier. A part is a row of the
// output.

import { bytes, leaky4, madd, splat } from '../prelude.as';

// @ts-ignore: decorator
@inline
function sum3(in0: v128, in1: v128, in2: v128, w0: v128, w1: v128, w2: v128): v128 {
  return madd(in2, w2, madd(in1, w1, f32x4.mul(in0, w0)));
}

/** A row of a filter at `w` over three pixels; `left` and `right` are 0 where there is none. */
function edge3(x: usize, left: usize, right: usize, w: usize): v128 {
  const in0 = left ? v128.load(x - left) : splat(0);
  const in2 = right ? v128.load(x + right) : splat(0);
  return sum3(in0, v128.load(x), in2, v128.load(w), v128.load(w, 16), v128.load(w, 32));
}

/** @param local the weights of four channels, a tap a vector */
export function depthwiseConv(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  height: i32,
  width: i32,
  y: usize,
  yStride: i32,
  yHeight: i32,
  yWidth: i32,
  channels: i32, // rounded up to 4
  stride: i32,
  weights: usize, // [9, channels]
  bias: usize,
  slope: f32,
): void {
  const n = part / yHeight;
  const row = part % yHeight * stride;
  const step = bytes(xStride);
  const line = <usize>width * step;
  const pixel = bytes(channels);
  const move = <usize>stride * step;
  // In place of rows outside of the picture the middle one is seen, with weights of zero.
  const up = row > 0 ? line : 0;
  const down = row + 1 < height ? line : 0;
  // Columns whose windows are inside.
  const inside = (width - 2) / stride + 1;
  const slopes = splat(slope);
  x += <usize>(n * height + row) * line;
  y += <usize>(part * yWidth) * bytes(yStride);
  for (let c: usize = 0; c < pixel; c += 16) {
    for (let tap = 0; tap < 9; tap++) {
      const seen = tap < 3 ? up : tap < 6 ? line : down;
      v128.store(local + (<usize>tap << 4), seen ? v128.load(weights + c + <usize>tap * pixel) : splat(0));
    }
    const w0 = v128.load(local);
    const w1 = v128.load(local, 16);
    const w2 = v128.load(local, 32);
    const w3 = v128.load(local, 48);
    const w4 = v128.load(local, 64);
    const w5 = v128.load(local, 80);
    const w6 = v128.load(local, 96);
    const w7 = v128.load(local, 112);
    const w8 = v128.load(local, 128);
    const offset = v128.load(bias + c);
    let at = x + c;
    let to = y + c;
    for (let column = 0; column < yWidth; column++, at += move, to += bytes(yStride)) {
      let sum: v128;
      if (column > 0 && column < inside) {
        const top = at - up;
        const bottom = at + down;
        sum = sum3(v128.load(top - step), v128.load(top), v128.load(top + step), w0, w1, w2);
        sum = f32x4.add(sum, sum3(v128.load(at - step), v128.load(at), v128.load(at + step), w3, w4, w5));
        sum = f32x4.add(sum, sum3(v128.load(bottom - step), v128.load(bottom), v128.load(bottom + step), w6, w7, w8));
      } else {
        const left = column > 0 ? step : 0;
        const right = column * stride + 1 < width ? step : 0;
        sum = edge3(at - up, left, right, local);
        sum = f32x4.add(sum, edge3(at, left, right, local + 48));
        sum = f32x4.add(sum, edge3(at + down, left, right, local + 96));
      }
      v128.store(to, leaky4(f32x4.add(sum, offset), slopes));
    }
  }
}
