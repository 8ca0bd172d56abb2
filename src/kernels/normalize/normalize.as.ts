// y = x * scale + shift, and a swish where asked for. A part is a row.

import { bytes, madd, swish4 } from '../prelude.as';

export function normalize(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  y: usize,
  yStride: i32,
  height: i32,
  width: i32,
  channels: i32, // rounded up to 4
  scale: usize,
  shift: usize,
  swish: i32,
): void {
  const pixel = bytes(channels);
  const own = <usize>(part / height) * pixel;
  x += <usize>(part * width) * bytes(xStride);
  y += <usize>(part * width) * bytes(yStride);
  for (let column = 0; column < width; column++, x += bytes(xStride), y += bytes(yStride)) {
    if (swish) {
      for (let c: usize = 0; c < pixel; c += 16)
        v128.store(y + c, swish4(madd(v128.load(x + c), v128.load(scale + own + c), v128.load(shift + own + c))));
    } else {
      for (let c: usize = 0; c < pixel; c += 16)
        v128.store(y + c, madd(v128.load(x + c), v128.load(scale + own + c), v128.load(shift + own + c)));
    }
  }
}
