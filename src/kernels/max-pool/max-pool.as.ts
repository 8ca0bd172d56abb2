// The largest value of every 3x3 window, two pixels apart; what is outside of the picture does not count. A part is a row of the output.

import { bytes } from '../prelude.as';

/** Of three pixels, beginning `left` before x and ending `right` behind it. */
// @ts-ignore: decorator
@inline
function rowMax(x: usize, left: usize, right: usize): v128 {
  return f32x4.pmax(f32x4.pmax(v128.load(x), v128.load(x - left)), v128.load(x + right));
}

export function maxPool(
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
): void {
  const n = part / yHeight;
  const row = part % yHeight * 2;
  const step = bytes(xStride);
  const line = <usize>width * step;
  const pixel = bytes(channels);
  // A window at the border looks at its own pixels again instead of at those outside.
  const up = row > 0 ? line : 0;
  const down = row + 1 < height ? line : 0;
  x += <usize>(n * height + row) * line;
  y += <usize>(part * yWidth) * bytes(yStride);
  for (let column = 0; column < yWidth * 2; column += 2, x += 2 * step, y += bytes(yStride)) {
    const left = column > 0 ? step : 0;
    const right = column + 1 < width ? step : 0;
    for (let c: usize = 0; c < pixel; c += 16) {
      const at = x + c;
      const largest = f32x4.pmax(rowMax(at, left, right), rowMax(at - up, left, right));
      v128.store(y + c, f32x4.pmax(largest, rowMax(at + down, left, right)));
    }
  }
}
