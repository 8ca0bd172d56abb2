// Affine warp of f32 planes, zero outside of the source, see warp-plane.wgsl. A part is some rows of the target, in all planes.

import { bytes, splat } from '../prelude.as';
import { fractionBits, gridPosition, wholePixel } from '../warp-affine/positions.as';

/** @param columns, rows, shifts as in `warpAffine` */
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
  const unit: f32 = 1 / <f32>one;
  const share: f32 = 1 / <f32>samples;
  const line = bytes(xWidth);
  const xPlane = <usize>xHeight * line;
  const yPlane = bytes(height * width);
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const rowX = load<i32>(rows + <usize>row * 8);
    const rowY = load<i32>(rows + <usize>row * 8, 4);
    let column = columns;
    let to = y + bytes(row * width);
    for (let i = 0; i < width; i++, column += 8, to += 4) {
      for (let k = 0, own = shifts; k < samples; k++, own += 8) {
        const gridX = gridPosition(rowX + load<i32>(column) + load<i32>(own), compat);
        const gridY = gridPosition(rowY + load<i32>(column, 4) + load<i32>(own, 4), compat);
        const placeX = wholePixel(gridX, compat) - left;
        const placeY = wholePixel(gridY, compat) - top;
        const outside = placeX < -1 || placeY < -1 || placeX >= xWidth || placeY >= xHeight;
        const inside = <u32>placeX < <u32>(xWidth - 1) && <u32>placeY < <u32>(xHeight - 1);
        const fx = <f32>(gridX & (one - 1)) * unit;
        const fy = <f32>(gridY & (one - 1)) * unit;
        const across = f32x4.replace_lane(f32x4.replace_lane(splat(1 - fx), 1, fx), 3, fx);
        const weights = f32x4.mul(across, v128.shuffle<f32>(splat(1 - fy), splat(fy), 0, 1, 4, 5));
        for (let p = 0, from = x, into = to; p < planes; p++, from += xPlane, into += yPlane) {
          let value: f32 = 0;
          if (!outside) {
            let four: v128;
            if (inside) {
              const at = from + bytes(placeY * xWidth + placeX);
              four = v128.load64_lane(at + line, v128.load64_zero(at), 1);
            } else four = cutSquare(from, xWidth, xHeight, placeX, placeY);
            const products = f32x4.mul(four, weights);
            value = f32x4.extract_lane(products, 0) + f32x4.extract_lane(products, 1);
            value = value + f32x4.extract_lane(products, 2) + f32x4.extract_lane(products, 3);
          }
          if (k > 0) value += load<f32>(into);
          store<f32>(into, k == samples - 1 ? value * share : value);
        }
      }
    }
  }
}

/** Two pixels of a row and those below, of which some are outside of the source and so zero. */
function cutSquare(x: usize, width: i32, height: i32, column: i32, row: i32): v128 {
  let four = splat(0);
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
