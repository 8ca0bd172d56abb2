// y = (x - mean) / deviation * gamma + beta over the channels of every token, and y + position where asked for. A part is a run of tokens.

import { bytes, madd, splat, sumOf } from '../prelude.as';

/**
 * @param position [tokens of a picture, channels rounded up to 4], or 0
 * @param p the second output
 */
export function layerNorm(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  y: usize,
  yStride: i32,
  rows: i32, // tokens of all pictures
  run: i32, // of a part
  channels: i32,
  gamma: usize,
  beta: usize,
  eps: f32,
  position: usize,
  tokens: i32, // of a picture
  p: usize,
  pStride: i32,
): void {
  const whole = bytes(channels & ~3);
  const rest = channels & 3;
  const pixel = bytes((channels + 3) & ~3);
  // Padding channels are no part of the variance.
  const inside = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest));
  const count = <f32>channels;
  for (let row = part * run; row < min((part + 1) * run, rows); row++) {
    const from = x + <usize>row * bytes(xStride);
    let sums = splat(0);
    for (let c: usize = 0; c < pixel; c += 16) sums = f32x4.add(sums, v128.load(from + c));
    const mean = splat(sumOf(sums) / count);

    let squares = splat(0);
    for (let c: usize = 0; c < whole; c += 16) {
      const d = f32x4.sub(v128.load(from + c), mean);
      squares = madd(d, d, squares);
    }
    if (rest) {
      const d = v128.and(f32x4.sub(v128.load(from + whole), mean), inside);
      squares = madd(d, d, squares);
    }
    const factor = splat(1 / sqrt<f32>(sumOf(squares) / count + eps));

    const to = y + <usize>row * bytes(yStride);
    const positions = position + <usize>(row % tokens) * pixel;
    const second = p + <usize>row * bytes(pStride);
    for (let c: usize = 0; c < pixel; c += 16) {
      const d = f32x4.mul(f32x4.sub(v128.load(from + c), mean), factor);
      // Zero in the padding, as gamma and beta are.
      const value = madd(d, v128.load(gamma + c), v128.load(beta + c));
      v128.store(to + c, value);
      if (position) v128.store(second + c, f32x4.add(value, v128.load(positions + c)));
    }
  }
}
