// Convolution as the sum of products: a part stages its piece of the input and goes over blocks of 8 outputs.

import { bytes } from '../prelude.as';
import { finish } from './epilogue.as';
import { stageRow, transposeWeights } from './stage.as';
import { product } from './product.as';

/**
 * One of bands x bandColumns x outputParts parts of each picture. Strides are elements from pixel to pixel; addresses of x, y and residual are
 * those of the first channel of the first pixel.
 * @param staged 0 where x is read as it is: 1x1 filters without prologue and stride
 */
export function conv(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  xHeight: i32,
  xWidth: i32,
  channels: i32, // rounded up to 4
  weights: usize,
  size: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  reflect: i32,
  upsample: i32,
  scale: usize,
  shift: usize,
  swish: i32,
  bias: usize,
  activation: i32,
  slope: f32,
  residual: usize,
  residualStride: i32,
  alpha: f32,
  y: usize,
  yStride: i32,
  yHeight: i32,
  yWidth: i32,
  outputs: i32, // rounded up to 4
  bandRows: i32,
  bands: i32,
  bandColumns: i32,
  columnBands: i32,
  outputBlocks: i32, // of a part
  outputParts: i32,
  staged: i32,
): void {
  const outputPart = part % outputParts;
  part /= outputParts;
  const firstColumn = part % columnBands * bandColumns;
  part /= columnBands;
  const firstRow = part % bands * bandRows;
  const n = part / bands;
  const rows = min(bandRows, yHeight - firstRow);
  const columns = min(bandColumns, yWidth - firstColumn);
  const xStep = bytes(xStride);
  const yStep = bytes(yStride);
  const residualStep = bytes(residualStride);
  const pixel = bytes(channels);
  x += <usize>(n * xHeight * xWidth) * xStep;

  let input: usize;
  let inputStep: usize; // from output pixel to output pixel
  let inputRow: usize;
  if (staged) {
    const seenColumns = (columns - 1) * stride + size;
    inputRow = <usize>seenColumns * pixel;
    inputStep = <usize>stride * pixel;
    input = local;
    const first = firstColumn * stride - padLeft;
    for (let row = 0; row < (rows - 1) * stride + size; row++, local += inputRow) {
      const scaleOf = scale ? scale + <usize>n * pixel : 0;
      const shiftOf = shift + <usize>n * pixel;
      const seen = firstRow * stride - padTop + row;
      stageRow(local, x, xStep, xHeight, xWidth, upsample, channels, seen, first, seenColumns, scaleOf, shiftOf, swish, reflect);
    }
    // The last tile of a row may see pixels too many.
    local += 8 * inputStep;
  } else {
    inputRow = <usize>xWidth * xStep;
    inputStep = xStep;
    input = x + <usize>firstRow * inputRow + <usize>firstColumn * xStep;
  }

  const filters = local;
  const blocks = size * size * (channels >> 2);
  const sums = filters + (<usize>blocks << 7);
  const lastBlock = min((outputPart + 1) * outputBlocks, (outputs + 7) >> 3);
  for (let block = outputPart * outputBlocks; block < lastBlock; block++) {
    transposeWeights(weights + (<usize>(block * blocks) << 7), filters, blocks);
    const at = bytes(block * 8);
    const halves = min(2, (outputs - block * 8) >> 2);
    for (let row = 0; row < rows; row++) {
      const line = input + <usize>(row * stride) * inputRow;
      const pixelRow = (n * yHeight + firstRow + row) * yWidth + firstColumn;
      for (let tap = 0; tap < size; tap++) {
        const filter = filters + (<usize>(tap * size * channels) << 5);
        product(line + <usize>tap * inputRow, inputStep, columns, filter, size * channels, sums, 32, tap > 0);
      }
      for (let half = 0; half < halves; half++) {
        const place = at + (<usize>half << 4);
        finish(
          sums + (<usize>half << 4), 32, columns, 1, columns,
          bias ? bias + place : 0, activation, slope,
          residual ? residual + <usize>pixelRow * residualStep + place : 0, residualStep, alpha,
          y + <usize>pixelRow * yStep + place, yStep, 0,
        );
      }
    }
  }
}
