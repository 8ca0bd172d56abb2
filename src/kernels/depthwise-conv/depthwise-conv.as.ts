// 3x3 convolution of each channel with a filter of its own, one pixel of zeros around, then bias and leaky rectifier. A part is a row of the
// output.

import { bytes, leaky4, madd, splat } from '../prelude.as';

/** A row of a filter over three pixels. `left` and `right` are no bits where there is no pixel. */
// @ts-ignore: decorator
@inline
function rowSum(x: usize, leftStep: usize, rightStep: usize, left: v128, right: v128, w0: v128, w1: v128, w2: v128): v128 {
  const in0 = v128.and(v128.load(x - leftStep), left);
  const in2 = v128.and(v128.load(x + rightStep), right);
  return madd(in2, w2, madd(v128.load(x), w1, f32x4.mul(in0, w0)));
}

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
  const all = i32x4.splat(-1);
  const none = i32x4.splat(0);
  // In place of rows outside of the picture the middle one is seen, with weights of zero.
  const hasTop = row > 0;
  const hasBottom = row + 1 < height;
  const topMask = hasTop ? all : none;
  const bottomMask = hasBottom ? all : none;
  x += <usize>(n * height + row) * line;
  y += <usize>(part * yWidth) * bytes(yStride);
  for (let c: usize = 0; c < pixel; c += 16) {
    const w = weights + c;
    const w0 = v128.and(v128.load(w), topMask);
    const w1 = v128.and(v128.load(w + pixel), topMask);
    const w2 = v128.and(v128.load(w + 2 * pixel), topMask);
    const w3 = v128.load(w + 3 * pixel);
    const w4 = v128.load(w + 4 * pixel);
    const w5 = v128.load(w + 5 * pixel);
    const w6 = v128.and(v128.load(w + 6 * pixel), bottomMask);
    const w7 = v128.and(v128.load(w + 7 * pixel), bottomMask);
    const w8 = v128.and(v128.load(w + 8 * pixel), bottomMask);
    const offset = v128.load(bias + c);
    let middle = x + c;
    let top = hasTop ? middle - line : middle;
    let bottom = hasBottom ? middle + line : middle;
    let to = y + c;
    for (let column = 0; column < yWidth * stride; column += stride) {
      const hasLeft = column > 0;
      const hasRight = column + 1 < width;
      const left = hasLeft ? all : none;
      const right = hasRight ? all : none;
      const leftStep = hasLeft ? step : 0;
      const rightStep = hasRight ? step : 0;
      const sum = f32x4.add(
        f32x4.add(
          rowSum(top, leftStep, rightStep, left, right, w0, w1, w2),
          rowSum(middle, leftStep, rightStep, left, right, w3, w4, w5),
        ),
        rowSum(bottom, leftStep, rightStep, left, right, w6, w7, w8),
      );
      v128.store(to, leaky4(f32x4.add(sum, offset), splat(slope)));
      top += <usize>stride * step;
      middle += <usize>stride * step;
      bottom += <usize>stride * step;
      to += bytes(yStride);
    }
  }
}
