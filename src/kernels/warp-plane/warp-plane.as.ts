// Affine warp of f32 planes, zero outside of the source, see warp-plane.wgsl. A part is some rows of the target, in all planes.

import { bytes, madd, splat } from '../prelude.as';
import { load4, store4 } from '../pixels.as';
import { allInside, fractionBits, gridPosition, wholePixel } from '../warp-affine/positions.as';

/**
 * @param local sums for each plane
 * @param columns, rows, shifts as in `warpAffine`
 */
export function warpPlane(
  part: i32,
  local: usize,
  x: usize,
  xWidth: i32,
  xHeight: i32,
  columns: usize,
  rows: usize,
  shifts: usize,
  y: usize,
  width: i32,
  height: i32,
  planes: i32,
  each: i32, // rows of a part
  left: i32, // place of the source in its picture
  top: i32,
  compat: i32,
  samples: i32, // of each pixel
): void {
  const one = 1 << fractionBits(compat);
  const unit = splat(1 / <f32>one);
  const fraction = i32x4.splat(one - 1);
  const share = splat(1 / <f32>samples);
  const line = bytes(xWidth);
  const xPlane = <usize>xHeight * line;
  const yPlane = bytes(height * width);
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const rowX = v128.load32_splat(rows + <usize>row * 8);
    const rowY = v128.load32_splat(rows + <usize>row * 8, 4);
    for (let i = 0; i < width; i += 4) {
      const count = width - i;
      const own = columns + <usize>i * 8;
      const first = load4(own, 2 * count);
      const second = count > 2 ? load4(own + 16, 2 * count - 4) : first;
      const centreX = i32x4.add(rowX, v128.shuffle<i32>(first, second, 0, 2, 4, 6));
      const centreY = i32x4.add(rowY, v128.shuffle<i32>(first, second, 1, 3, 5, 7));
      for (let k = 0, shift = shifts; k < samples; k++, shift += 8) {
        const gridX = gridPosition(i32x4.add(centreX, v128.load32_splat(shift)), compat);
        const gridY = gridPosition(i32x4.add(centreY, v128.load32_splat(shift, 4)), compat);
        const placeX = i32x4.sub(wholePixel(gridX, compat), i32x4.splat(left));
        const placeY = i32x4.sub(wholePixel(gridY, compat), i32x4.splat(top));
        const fx = f32x4.mul(f32x4.convert_i32x4_s(v128.and(gridX, fraction)), unit);
        const fy = f32x4.mul(f32x4.convert_i32x4_s(v128.and(gridY, fraction)), unit);
        const gx = f32x4.sub(splat(1), fx);
        const gy = f32x4.sub(splat(1), fy);
        const inside = allInside(placeX, placeY, xWidth, xHeight);
        const at = i32x4.shl(i32x4.add(i32x4.mul(placeY, i32x4.splat(xWidth)), placeX), 2);
        for (let p = 0, from = x, sums = local; p < planes; p++, from += xPlane, sums += 16) {
          let s0: v128;
          let s1: v128;
          let s2: v128;
          let s3: v128;
          if (inside) {
            s0 = square(from + i32x4.extract_lane(at, 0), line);
            s1 = square(from + i32x4.extract_lane(at, 1), line);
            s2 = square(from + i32x4.extract_lane(at, 2), line);
            s3 = square(from + i32x4.extract_lane(at, 3), line);
          } else {
            s0 = cutSquare(from, xWidth, xHeight, i32x4.extract_lane(placeX, 0), i32x4.extract_lane(placeY, 0));
            s1 = cutSquare(from, xWidth, xHeight, i32x4.extract_lane(placeX, 1), i32x4.extract_lane(placeY, 1));
            s2 = cutSquare(from, xWidth, xHeight, i32x4.extract_lane(placeX, 2), i32x4.extract_lane(placeY, 2));
            s3 = cutSquare(from, xWidth, xHeight, i32x4.extract_lane(placeX, 3), i32x4.extract_lane(placeY, 3));
          }
          // The four pixels of each square, for four places.
          const t0 = v128.shuffle<f32>(s0, s1, 0, 4, 1, 5);
          const t1 = v128.shuffle<f32>(s2, s3, 0, 4, 1, 5);
          const t2 = v128.shuffle<f32>(s0, s1, 2, 6, 3, 7);
          const t3 = v128.shuffle<f32>(s2, s3, 2, 6, 3, 7);
          let value = f32x4.mul(v128.shuffle<f32>(t0, t1, 0, 1, 4, 5), f32x4.mul(gx, gy));
          value = madd(v128.shuffle<f32>(t0, t1, 2, 3, 6, 7), f32x4.mul(fx, gy), value);
          value = madd(v128.shuffle<f32>(t2, t3, 0, 1, 4, 5), f32x4.mul(gx, fy), value);
          value = madd(v128.shuffle<f32>(t2, t3, 2, 3, 6, 7), f32x4.mul(fx, fy), value);
          v128.store(sums, k > 0 ? f32x4.add(v128.load(sums), value) : value);
        }
      }
      let to = y + bytes(row * width + i);
      for (let p = 0, sums = local; p < planes; p++, sums += 16, to += yPlane)
        store4(to, f32x4.mul(v128.load(sums), share), count);
    }
  }
}

// @ts-ignore: decorator
@inline
function square(at: usize, line: usize): v128 {
  return v128.load64_lane(at + line, v128.load64_zero(at), 1);
}

/** Two pixels of a row and those below; what is outside of the source is zero. */
function cutSquare(x: usize, width: i32, height: i32, column: i32, row: i32): v128 {
  let four = splat(0);
  if (column < -1 || row < -1 || column >= width || row >= height) return four;
  const first = column >= 0;
  const second = column + 1 < width;
  const at = x + <usize>(row * width + column << 2);
  if (row >= 0) {
    if (first) four = v128.load32_lane(at, four, 0);
    if (second) four = v128.load32_lane(at + 4, four, 1);
  }
  if (row + 1 < height) {
    const below = at + bytes(width);
    if (first) four = v128.load32_lane(below, four, 2);
    if (second) four = v128.load32_lane(below + 4, four, 3);
  }
  return four;
}
