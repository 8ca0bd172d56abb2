// y = rectify(a + alpha * b), b enlarged to the size of a by repeating its pixels. A part is a row.

import { bytes, leaky4, madd, splat } from '../prelude.as';

export function add(
  part: i32,
  local: usize,
  a: usize,
  aStride: i32,
  b: usize,
  bStride: i32,
  y: usize,
  yStride: i32,
  height: i32,
  width: i32,
  bHeight: i32,
  bWidth: i32,
  channels: i32, // rounded up to 4
  alpha: f32,
  slope: f32,
): void {
  const n = part / height;
  const row = part % height;
  const pixel = bytes(channels);
  const line = b + <usize>((n * bHeight + row * bHeight / height) * bWidth) * bytes(bStride);
  const first = <usize>(part * width);
  a += first * bytes(aStride);
  y += first * bytes(yStride);
  for (let column = 0; column < width; column++) {
    const from = line + <usize>(column * bWidth / width) * bytes(bStride);
    for (let c: usize = 0; c < pixel; c += 16)
      v128.store(y + c, leaky4(madd(splat(alpha), v128.load(from + c), v128.load(a + c)), splat(slope)));
    a += bytes(aStride);
    y += bytes(yStride);
  }
}
