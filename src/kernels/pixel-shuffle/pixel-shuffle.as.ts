// Squares of factor x factor pixels to channels and back; channel (c * factor + i) * factor + j of the small picture is channel c of pixel
// (i, j) of the square. A part is a row of the small picture.

import { bytes, splat, storeTransposed } from '../prelude.as';

/** What shuffling by 1 is. `count` pixels of `pixel` bytes. */
function copyPixels(x: usize, xStep: usize, y: usize, yStep: usize, count: i32, pixel: usize): void {
  if (xStep == pixel && yStep == pixel) {
    memory.copy(y, x, <usize>count * pixel);
    return;
  }
  for (let i = 0; i < count; i++, x += xStep, y += yStep)
    for (let c: usize = 0; c < pixel; c += 16) v128.store(y + c, v128.load(x + c));
}

/** Address of pixel p of a square whose first pixel is at `corner`. */
// @ts-ignore: decorator
@inline
function squareAt(corner: usize, p: i32, factor: i32, step: usize, row: usize): usize {
  return corner + <usize>(p / factor) * row + <usize>(p % factor) * step;
}

// @ts-ignore: decorator
@inline
function planeOr0(x: usize, inside: bool): v128 {
  return inside ? v128.load(x) : splat(0);
}

/** `width` pixels of the small picture; `channels` of the large one. */
export function pixelShuffle(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  y: usize,
  yStride: i32,
  width: i32,
  factor: i32,
  channels: i32,
): void {
  const xStep = bytes(xStride);
  const yStep = bytes(yStride);
  const row = <usize>(width * factor) * yStep;
  const square = factor * factor;
  const plane = bytes(square);
  x += <usize>(part * width) * xStep;
  y += <usize>(part * factor) * row;
  if (factor == 1) {
    copyPixels(x, xStep, y, yStep, width, bytes((channels + 3) & ~3));
    return;
  }
  for (let column = 0; column < width; column++, x += xStep, y += <usize>factor * yStep) {
    for (let c = 0; c < channels; c += 4) {
      const from = x + <usize>c * plane;
      const to = y + bytes(c);
      let p = 0;
      // Four pixels of a square at a time, even if not all in a row.
      for (; p + 4 <= square; p += 4) {
        const at = from + bytes(p);
        storeTransposed(
          v128.load(at),
          planeOr0(at + plane, c + 1 < channels),
          planeOr0(at + 2 * plane, c + 2 < channels),
          planeOr0(at + 3 * plane, c + 3 < channels),
          squareAt(to, p, factor, yStep, row),
          squareAt(to, p + 1, factor, yStep, row),
          squareAt(to, p + 2, factor, yStep, row),
          squareAt(to, p + 3, factor, yStep, row),
        );
      }
      for (; p < square; p++) {
        const at = squareAt(to, p, factor, yStep, row);
        v128.store(at, splat(0));
        for (let i = 0; i < min(4, channels - c); i++)
          store<f32>(at + bytes(i), load<f32>(from + <usize>i * plane + bytes(p)));
      }
    }
  }
}

/**
 * `width` pixels of the small picture; `channels` of the large one.
 * @param local where 16 bytes go that nobody wants
 */
export function pixelUnshuffle(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  y: usize,
  yStride: i32,
  width: i32,
  factor: i32,
  channels: i32,
): void {
  const xStep = bytes(xStride);
  const yStep = bytes(yStride);
  const row = <usize>(width * factor) * xStep;
  const square = factor * factor;
  const plane = bytes(square);
  x += <usize>(part * factor) * row;
  y += <usize>(part * width) * yStep;
  if (factor == 1) {
    copyPixels(x, xStep, y, yStep, width, bytes((channels + 3) & ~3));
    return;
  }
  const values = channels * square;
  for (let column = 0; column < width; column++, x += <usize>factor * xStep, y += yStep) {
    if (values & 3) v128.store(y + bytes(values & ~3), splat(0));
    for (let c = 0; c < channels; c += 4) {
      const from = x + bytes(c);
      const to = y + <usize>c * plane;
      let p = 0;
      for (; p + 4 <= square; p += 4) {
        const at = to + bytes(p);
        storeTransposed(
          v128.load(squareAt(from, p, factor, xStep, row)),
          v128.load(squareAt(from, p + 1, factor, xStep, row)),
          v128.load(squareAt(from, p + 2, factor, xStep, row)),
          v128.load(squareAt(from, p + 3, factor, xStep, row)),
          at,
          c + 1 < channels ? at + plane : local,
          c + 2 < channels ? at + 2 * plane : local,
          c + 3 < channels ? at + 3 * plane : local,
        );
      }
      for (; p < square; p++) {
        const at = squareAt(from, p, factor, xStep, row);
        for (let i = 0; i < min(4, channels - c); i++)
          store<f32>(to + <usize>i * plane + bytes(p), load<f32>(at + bytes(i)));
      }
    }
  }
}
