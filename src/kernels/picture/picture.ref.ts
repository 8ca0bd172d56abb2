// The meaning of `picture-to-tensor` and `tensor-to-picture`: float32 steps, rounded one by one.

import { layoutElements, type NumberArray, pixelIndex } from '../kernel.js';
import type { PictureToTensorParams, TensorToPictureParams } from './picture.js';

export function pictureToTensorReference(
  { y, range, order = 'rgb', mean = [0, 0, 0] }: PictureToTensorParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const words = inputs.picture!;
  const out = new Float32Array(layoutElements(y));
  for (let n = 0; n < y.n; n++)
    for (let row = 0; row < y.h; row++)
      for (let column = 0; column < y.w; column++) {
        const pixel = (n * y.h + row) * y.w + column;
        for (let c = 0; c < 3; c++) {
          const byte = (words[pixel]! >>> (8 * (order === 'rgb' ? c : 2 - c))) & 255;
          let value = range === 'bytes' ? byte : Math.fround(byte / 255);
          if (range === 'signed') value = Math.fround(Math.fround(value - 0.5) / 0.5);
          out[pixelIndex(y, n, row, column) + c] = value - mean[c]!;
        }
      }
  return { y: out };
}

export function tensorToPictureReference(
  { x, range }: TensorToPictureParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const bytes = new Uint8Array(x.n * x.h * x.w * 4).fill(255);
  for (let n = 0; n < x.n; n++)
    for (let row = 0; row < x.h; row++)
      for (let column = 0; column < x.w; column++) {
        const pixel = (n * x.h + row) * x.w + column;
        for (let c = 0; c < 3; c++) {
          let value = Math.min(Math.max(inputs.x![pixelIndex(x, n, row, column) + c]!, range === 'signed' ? -1 : 0), 1);
          if (range === 'signed') value = Math.fround(value + 1) / 2;
          bytes[4 * pixel + c] = roundHalfToEven(Math.fround(value * 255));
        }
      }
  return { picture: new Uint32Array(bytes.buffer) };
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
