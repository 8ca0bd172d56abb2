// y = d + w (d * scale + shift): decoder features moved towards the encoder's by the fidelity w, one number for each picture or for each
// pixel. A part is a row.

import { bytes, madd, splat } from '../prelude.as';

export function featureFusion(
  part: i32,
  local: usize,
  d: usize,
  dStride: i32,
  scale: usize,
  scaleStride: i32,
  shift: usize,
  shiftStride: i32,
  y: usize,
  yStride: i32,
  height: i32,
  width: i32,
  channels: i32, // rounded up to 4
  fidelity: usize, // [n] or [n, height, width]
  map: i32,
): void {
  const pixel = bytes(channels);
  const first = part * width;
  d += <usize>first * bytes(dStride);
  scale += <usize>first * bytes(scaleStride);
  shift += <usize>first * bytes(shiftStride);
  y += <usize>first * bytes(yStride);
  for (let column = 0; column < width; column++) {
    const w = v128.load32_splat(fidelity + bytes(map ? first + column : part / height));
    for (let c: usize = 0; c < pixel; c += 16) {
      const value = v128.load(d + c);
      v128.store(y + c, madd(w, madd(value, v128.load(scale + c), v128.load(shift + c)), value));
    }
    d += bytes(dStride);
    scale += bytes(scaleStride);
    shift += bytes(shiftStride);
    y += bytes(yStride);
  }
}
