// How much detail a picture has beyond the half of its size, see detail-energy.wgsl. A part is a row of cells.

import { bytes, madd, splat } from '../prelude.as';
import { floatChannelOf, load4 } from '../pixels.as';

/** @param local a row of the half with four values around it, and sums over a column of pixels each */
export function detailEnergy(
  part: i32,
  local: usize,
  x: usize,
  half: usize,
  energy: usize,
  side: i32,
  cells: i32,
): void {
  const length = side / cells;
  const halfSide = side >> 1;
  // The row begins at its second vector; the value before it and the one after it repeat the outermost ones.
  const smooth = local + 16;
  const sums = smooth + bytes(halfSide) + 32;
  memory.fill(sums, 0, bytes(side) + 32);
  for (let row = part * length; row < part * length + length; row++) {
    const near = row >> 1;
    const far = max(0, min(near + (row & 1 ? 1 : -1), halfSide - 1));
    const nearLine = half + bytes(near * halfSide);
    const farLine = half + bytes(far * halfSide);
    for (let i = 0; i < halfSide; i += 4) {
      const count = halfSide - i;
      const value = madd(luma(load4(nearLine + bytes(i), count)), splat(3), luma(load4(farLine + bytes(i), count)));
      v128.store(smooth + bytes(i), value);
    }
    store<f32>(smooth - 4, load<f32>(smooth));
    store<f32>(smooth + bytes(halfSide), load<f32>(smooth + bytes(halfSide - 1)));
    const line = x + bytes(row * side);
    for (let i = 0; i < halfSide; i += 4) {
      const at = smooth + bytes(i);
      const centre = f32x4.mul(v128.load(at), splat(3));
      const even = f32x4.mul(f32x4.add(centre, v128.load(at - 4)), splat(0.0625));
      const odd = f32x4.mul(f32x4.add(centre, v128.load(at + 4)), splat(0.0625));
      const pixels = line + bytes(2 * i);
      const count = side - 2 * i;
      const to = sums + bytes(2 * i);
      addSquares(to, luma(load4(pixels, count)), v128.shuffle<f32>(even, odd, 0, 4, 1, 5));
      if (count <= 4) break;
      addSquares(to + 16, luma(load4(pixels + 16, count - 4)), v128.shuffle<f32>(even, odd, 2, 6, 3, 7));
    }
  }
  const share: f32 = 1 / <f32>(length * length);
  for (let cell = 0; cell < cells; cell++) {
    let sum: f32 = 0;
    for (let i = cell * length; i < cell * length + length; i++) sum += load<f32>(sums + bytes(i));
    store<f32>(energy + bytes(part * cells + cell), sum * share);
  }
}

// @ts-ignore: decorator
@inline
function addSquares(to: usize, value: v128, smooth: v128): void {
  const detail = f32x4.sub(value, smooth);
  v128.store(to, madd(detail, detail, v128.load(to)));
}

// @ts-ignore: decorator
@inline
function luma(pixels: v128): v128 {
  let sum = f32x4.mul(floatChannelOf(pixels, 0), splat(0.299));
  sum = madd(floatChannelOf(pixels, 8), splat(0.587), sum);
  return madd(floatChannelOf(pixels, 16), splat(0.114), sum);
}
