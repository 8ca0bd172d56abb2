// The input of a convolution as its filter sees it: enlarged, normalised, padded.

import { bytes, madd, storeTransposed, swish4 } from '../prelude.as';

/** Where the values of a picture are: addresses and steps in bytes. */
// @ts-ignore: decorator
@inline
export function pixelAt(x: usize, row: i32, column: i32, width: i32, step: usize): usize {
  return x + <usize>(row * width + column) * step;
}

// @ts-ignore: decorator
@inline
function mirrored(i: i32, size: i32): i32 {
  return i < 0 ? -i : i >= size ? 2 * size - 2 - i : i;
}

/**
 * One row, columns `first` to `first + count`, of `channels` values each.
 * @param x the first channel of the picture's first pixel, `step` bytes from pixel to pixel
 * @param scale 0 where there is no prologue, else of this picture, as is `shift`
 * @param swish whether a swish follows
 * @param reflect mirrored, or else zero, outside of the picture
 */
export function stageRow(
  to: usize,
  x: usize,
  step: usize,
  height: i32,
  width: i32,
  upsample: i32,
  channels: i32,
  row: i32,
  first: i32,
  count: i32,
  scale: usize,
  shift: usize,
  swish: i32,
  reflect: i32,
): void {
  const seenHeight = height * upsample;
  const seenWidth = width * upsample;
  const length = bytes(channels);
  if (reflect) row = mirrored(row, seenHeight);
  const inside = row >= 0 && row < seenHeight;
  const line = inside ? x + <usize>(row / upsample * width) * step : 0;
  if (inside && !reflect && !scale && upsample == 1 && step == length) {
    const left = max(0, min(count, -first));
    const end = max(left, min(count, width - first));
    memory.fill(to, 0, <usize>left * length);
    memory.copy(to + <usize>left * length, line + <usize>(first + left) * step, <usize>(end - left) * length);
    memory.fill(to + <usize>end * length, 0, <usize>(count - end) * length);
    return;
  }
  for (let i = 0; i < count; i++, to += length) {
    let column = first + i;
    if (reflect) column = mirrored(column, seenWidth);
    if (!inside || column < 0 || column >= seenWidth) {
      memory.fill(to, 0, length);
      continue;
    }
    const from = line + <usize>(column / upsample) * step;
    if (!scale) {
      for (let c: usize = 0; c < length; c += 16) v128.store(to + c, v128.load(from + c));
    } else if (swish) {
      for (let c: usize = 0; c < length; c += 16)
        v128.store(to + c, swish4(madd(v128.load(from + c), v128.load(scale + c), v128.load(shift + c))));
    } else {
      for (let c: usize = 0; c < length; c += 16)
        v128.store(to + c, madd(v128.load(from + c), v128.load(scale + c), v128.load(shift + c)));
    }
  }
}

/** Blocks of 8 outputs by 4 inputs of packed weights as 4 inputs by 8 outputs. */
export function transposeWeights(from: usize, to: usize, blocks: i32): void {
  for (let block = 0; block < blocks; block++, from += 128, to += 128) {
    for (let half: usize = 0; half < 32; half += 16) {
      const at = from + half;
      const first = to + half;
      const r0 = v128.load(at);
      const r1 = v128.load(at, 32);
      storeTransposed(r0, r1, v128.load(at, 64), v128.load(at, 96), first, first + 32, first + 64, first + 96);
    }
  }
}
