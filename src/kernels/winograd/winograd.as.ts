// 3x3 convolution by Winograd's algorithm, F(4x4, 3x3) with the points 0, +-5/8, +-3/2 and infinity (Lavin and Gray, 2016): a tile of 4x4 outputs
// is 36 products, one for each frequency, in place of 144. Strips of tiles stay in the second-level cache from the input to the output.

import { finish } from '../conv/epilogue.as';
import { stageRow, transposeWeights } from '../conv/stage.as';
import { product } from '../conv/product.as';
import { bytes, madd, roundUp, splat } from '../prelude.as';

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

// Rows of G: [1/(A2 B2), 0, 0], [E_A, +-F_A, A2 E_A], [E_B, +-F_B, B2 E_B], [0, 0, 1].
const E_A: f32 = 1 / (2 * A2 * (A2 - B2));
const F_A: f32 = 1 / (2 * A * (A2 - B2));
const E_B: f32 = 1 / (2 * B2 * (B2 - A2));
const F_B: f32 = 1 / (2 * B * (B2 - A2));

/**
 * Bytes between the values of two frequencies: without them, those of a tile lie a multiple of 4096 bytes apart and take each other's place
 * in the first-level cache.
 */
const APART: usize = 128;

/** G times 3 vectors at `from`, `fromStep` apart. */
// @ts-ignore: decorator
@inline
function filterTransform(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const g0 = v128.load(from);
  const g1 = v128.load(from + fromStep);
  const g2 = v128.load(from + 2 * fromStep);
  const evenA = madd(g2, splat(E_A * A2), f32x4.mul(g0, splat(E_A)));
  const oddA = f32x4.mul(g1, splat(F_A));
  const evenB = madd(g2, splat(E_B * B2), f32x4.mul(g0, splat(E_B)));
  const oddB = f32x4.mul(g1, splat(F_B));
  v128.store(to, f32x4.mul(g0, splat(1 / (A2 * B2))));
  v128.store(to + toStep, f32x4.add(evenA, oddA));
  v128.store(to + 2 * toStep, f32x4.sub(evenA, oddA));
  v128.store(to + 3 * toStep, f32x4.add(evenB, oddB));
  v128.store(to + 4 * toStep, f32x4.sub(evenB, oddB));
  v128.store(to + 5 * toStep, g2);
}

/** The transpose of B times 6 vectors. */
// @ts-ignore: decorator
@inline
function inputTransform(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, toStep: usize): void {
  const evenA = madd(d2, splat(-B2), d4);
  const oddA = f32x4.mul(splat(A), madd(d1, splat(-B2), d3));
  const evenB = madd(d2, splat(-A2), d4);
  const oddB = f32x4.mul(splat(B), madd(d1, splat(-A2), d3));
  v128.store(to, madd(d0, splat(A2 * B2), madd(d2, splat(-A2 - B2), d4)));
  v128.store(to + toStep, f32x4.add(evenA, oddA));
  v128.store(to + 2 * toStep, f32x4.sub(evenA, oddA));
  v128.store(to + 3 * toStep, f32x4.add(evenB, oddB));
  v128.store(to + 4 * toStep, f32x4.sub(evenB, oddB));
  v128.store(to + 5 * toStep, madd(d1, splat(A2 * B2), madd(d3, splat(-A2 - B2), d5)));
}

/** The transpose of A times 6 vectors at `from`, `fromStep` apart: 4 vectors. */
// @ts-ignore: decorator
@inline
function outputTransform(from: usize, fromStep: usize, to: usize, toStep: usize): void {
  const m1 = v128.load(from + fromStep);
  const m2 = v128.load(from + 2 * fromStep);
  const m3 = v128.load(from + 3 * fromStep);
  const m4 = v128.load(from + 4 * fromStep);
  const sumA = f32x4.add(m1, m2);
  const differenceA = f32x4.sub(m1, m2);
  const sumB = f32x4.add(m3, m4);
  const differenceB = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(v128.load(from), f32x4.add(sumA, sumB)));
  v128.store(to + toStep, madd(differenceA, splat(A), f32x4.mul(splat(B), differenceB)));
  v128.store(to + 2 * toStep, madd(sumA, splat(A2), f32x4.mul(splat(B2), sumB)));
  const last = madd(differenceB, splat(B2 * B), v128.load(from + 5 * fromStep));
  v128.store(to + 3 * toStep, madd(differenceA, splat(A2 * A), last));
}

/**
 * Packed weights of a block of 8 outputs in the frequency domain, [36][channels][8].
 * @param step bytes from frequency to frequency
 * @param local 9 * 128 + 18 * 16 bytes
 */
function transformFilters(weights: usize, groups: i32, u: usize, step: usize, local: usize): void {
  const columns = local + 9 * 128;
  for (let group = 0; group < groups; group++, u += 128) {
    for (let tap = 0; tap < 9; tap++)
      transposeWeights(weights + (<usize>(tap * groups + group) << 7), local + (<usize>tap << 7), 1);
    for (let place: usize = 0; place < 128; place += 16) {
      // Columns of the filter first: 6 rows of 3.
      for (let column: usize = 0; column < 3; column++)
        filterTransform(local + place + column * 128, 3 * 128, columns + column * 16, 48);
      for (let row: usize = 0; row < 6; row++)
        filterTransform(columns + row * 48, 16, u + place + 6 * row * step, step);
    }
  }
}

/** All weights: a part is a block of 8 outputs. u is [36][outputs / 8][channels][8]. */
export function winogradWeights(part: i32, local: usize, weights: usize, u: usize, channels: i32, blocks: i32): void {
  const block = bytes(channels * 8);
  const packed = bytes(channels * 8 * 9);
  transformFilters(weights + <usize>part * packed, channels >> 2, u + <usize>part * block, <usize>blocks * block + APART, local);
}

/** The tile of 6x6 inputs whose rows begin at these addresses. v is [36][tiles][channels], `step` bytes from frequency to frequency. */
function transformTile(
  r0: usize, r1: usize, r2: usize, r3: usize, r4: usize, r5: usize,
  pixel: usize,
  v: usize,
  step: usize,
  local: usize,
): void {
  for (let c: usize = 0; c < pixel; c += 16) {
    let at = c;
    for (let column: usize = 0; column < 6; column++, at += pixel) {
      inputTransform(
        v128.load(r0 + at), v128.load(r1 + at), v128.load(r2 + at), v128.load(r3 + at), v128.load(r4 + at), v128.load(r5 + at),
        local + column * 16,
        96,
      );
    }
    let to = v + c;
    for (let row = local; row < local + 576; row += 96, to += 6 * step) {
      inputTransform(
        v128.load(row), v128.load(row, 16), v128.load(row, 32), v128.load(row, 48), v128.load(row, 64), v128.load(row, 80),
        to,
        step,
      );
    }
  }
}

/** Rows of the staged input are a ring of 8. */
// @ts-ignore: decorator
@inline
function ringRow(ring: usize, row: i32, length: usize): usize {
  return ring + <usize>(row & 7) * length;
}

/** Tile rows `first` and on of a picture: their 6 staged rows for each, transformed; the ring has the rows before `staged` already. */
// @ts-ignore: decorator
@inline
function transformRow(
  ring: usize, ringLength: usize, pixel: usize,
  row: i32, firstTile: i32, tiles: i32,
  v: usize, step: usize, local: usize,
): void {
  const top = row * 4;
  const r0 = ringRow(ring, top, ringLength);
  const r1 = ringRow(ring, top + 1, ringLength);
  const r2 = ringRow(ring, top + 2, ringLength);
  const r3 = ringRow(ring, top + 3, ringLength);
  const r4 = ringRow(ring, top + 4, ringLength);
  const r5 = ringRow(ring, top + 5, ringLength);
  for (let t = 0; t < tiles; t++, v += pixel) {
    const at = <usize>((firstTile + t) * 4) * pixel;
    transformTile(r0 + at, r1 + at, r2 + at, r3 + at, r4 + at, r5 + at, pixel, v, step, local);
  }
}

/**
 * Sums of a tile for 4 outputs, finished and written.
 * @param m [36][tiles][...] at this tile and these outputs, `step` bytes from frequency to frequency
 * @param y at these outputs of the tile's first pixel, as is `residual`
 */
function writeTile(
  m: usize, step: usize,
  y: usize, yStep: usize, residual: usize, residualStep: usize,
  width: i32, rows: i32, columns: i32,
  bias: usize, activation: i32, slope: f32, alpha: f32,
  local: usize,
): void {
  for (let column: usize = 0; column < 6; column++)
    outputTransform(m + column * step, 6 * step, local + column * 16, 96);
  const values = local + 4 * 96;
  for (let row: usize = 0; row < 4; row++) outputTransform(local + row * 96, 16, values + row * 64, 16);
  finish(values, 16, 4, rows, columns, bias, activation, slope, residual, residualStep, alpha, y, yStep, width);
}

/**
 * Bands of tile rows, a part each, with weights from `winogradWeights`.
 * @param strip tiles of a strip: several rows of them where a row has fewer, else a multiple of 6
 * @param outputsAtOnce a multiple of 8
 */
export function winogradBands(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  xHeight: i32,
  xWidth: i32,
  channels: i32, // rounded up to 4
  u: usize,
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
  bandRows: i32, // in tiles
  bands: i32,
  strip: i32,
  outputsAtOnce: i32,
): void {
  const n = part / bands;
  const tileRows = (yHeight + 3) >> 2;
  const tileColumns = (yWidth + 3) >> 2;
  const firstRow = part % bands * bandRows;
  const lastRow = min(firstRow + bandRows, tileRows);
  const xStep = bytes(xStride);
  const yStep = bytes(yStride);
  const residualStep = bytes(residualStride);
  const pixel = bytes(channels);
  const blocks = (outputs + 7) >> 3;
  const staged = tileColumns * 4 + 2;
  const ringLength = <usize>staged * pixel;
  const rowsAtOnce = strip <= tileColumns ? 1 : strip / tileColumns;
  const columnsAtOnce = strip <= tileColumns ? strip : tileColumns;
  const padded = roundUp(rowsAtOnce * columnsAtOnce, 6);
  const vStep = <usize>padded * pixel + APART;
  const mPixel = bytes(outputsAtOnce);
  const mStep = <usize>padded * mPixel + APART;
  const uStep = <usize>blocks * (8 * pixel) + APART;
  const ring = local + 1024;
  const v = ring + 8 * ringLength;
  const m = v + 36 * vStep;
  x += <usize>(n * xHeight * xWidth) * xStep;
  if (scale) {
    scale += <usize>n * pixel;
    shift += <usize>n * pixel;
  }

  // Staged rows are counted from the one above the picture.
  let next = firstRow * 4;
  for (let row = firstRow; row < lastRow; row += rowsAtOnce) {
    const rows = min(rowsAtOnce, lastRow - row);
    for (let first = 0; first < tileColumns; first += columnsAtOnce) {
      const columns = min(columnsAtOnce, tileColumns - first);
      const tiles = rows * columns;
      for (let r = 0; r < rows; r++) {
        for (; next < (row + r) * 4 + 6; next++)
          stageRow(ringRow(ring, next, ringLength), x, xStep, xHeight, xWidth, upsample, channels, next - 1, -1, staged, scale, shift, swish, 0);
        transformRow(ring, ringLength, pixel, row + r, first, columns, v + <usize>(r * columns) * pixel, vStep, local);
      }
      for (let output = 0; output < outputs; output += outputsAtOnce) {
        const lastBlock = min((output + outputsAtOnce) >> 3, blocks);
        for (let f = 0; f < 36; f++) {
          for (let block = output >> 3; block < lastBlock; block++) {
            const filters = u + <usize>f * uStep + <usize>(block * 8) * pixel;
            product(v + <usize>f * vStep, pixel, tiles, filters, channels, m + <usize>f * mStep + bytes(block * 8 - output), mPixel, false);
          }
        }
        const last = min(output + outputsAtOnce, outputs);
        for (let t = 0; t < tiles; t++) {
          const top = (row + t / columns) * 4;
          const left = (first + t % columns) * 4;
          const at = (n * yHeight + top) * yWidth + left;
          for (let c = output; c < last; c += 4) {
            writeTile(
              m + <usize>t * mPixel + bytes(c - output), mStep,
              y + <usize>at * yStep + bytes(c), yStep,
              residual ? residual + <usize>at * residualStep + bytes(c) : 0, residualStep,
              yWidth, min(4, yHeight - top), min(4, yWidth - left),
              bias ? bias + bytes(c) : 0, activation, slope, alpha,
              local,
            );
          }
        }
      }
    }
  }
}

/** For small pictures, whose weights outweigh them: the input of all tiles; a part is a row of tiles. v is [36][tiles][channels]. */
export function winogradInput(
  part: i32,
  local: usize,
  x: usize,
  xStride: i32,
  xHeight: i32,
  xWidth: i32,
  channels: i32,
  upsample: i32,
  scale: usize,
  shift: usize,
  swish: i32,
  v: usize,
  tileRows: i32,
  tileColumns: i32,
  padded: i32, // tiles, rounded up to 6
): void {
  const n = part / tileRows;
  const row = part % tileRows;
  const xStep = bytes(xStride);
  const pixel = bytes(channels);
  const staged = tileColumns * 4 + 2;
  const ringLength = <usize>staged * pixel;
  const ring = local + 1024;
  x += <usize>(n * xHeight * xWidth) * xStep;
  if (scale) {
    scale += <usize>n * pixel;
    shift += <usize>n * pixel;
  }
  for (let next = row * 4; next < row * 4 + 6; next++)
    stageRow(ringRow(ring, next, ringLength), x, xStep, xHeight, xWidth, upsample, channels, next - 1, -1, staged, scale, shift, swish, 0);
  const first = <usize>(part * tileColumns) * pixel;
  transformRow(ring, ringLength, pixel, row, 0, tileColumns, v + first, <usize>padded * pixel + APART, local);
}

/** The rest for small pictures: a part is a block of 8 outputs for all tiles, and transforms its weights for itself. */
export function winogradBlocks(
  part: i32,
  local: usize,
  weights: usize,
  v: usize,
  channels: i32,
  pictures: i32,
  tileRows: i32,
  tileColumns: i32,
  padded: i32,
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
  outputs: i32,
): void {
  const pixel = bytes(channels);
  const block: usize = 8 * pixel;
  const u = local + 2048;
  const uStep = block + APART;
  const m = u + 36 * uStep;
  const mStep = (<usize>padded << 5) + APART;
  const vStep = <usize>padded * pixel + APART;
  const yStep = bytes(yStride);
  const residualStep = bytes(residualStride);
  transformFilters(weights + <usize>part * (9 * block), channels >> 2, u, uStep, local);
  const tiles = pictures * tileRows * tileColumns;
  for (let f: usize = 0; f < 36; f++)
    product(v + f * vStep, pixel, tiles, u + f * uStep, channels, m + f * mStep, 32, false);
  const first = part * 8;
  const last = min(first + 8, outputs);
  for (let t = 0; t < tiles; t++) {
    const row = t / tileColumns;
    const top = row % tileRows * 4;
    const left = t % tileColumns * 4;
    const at = (row / tileRows * yHeight + top) * yWidth + left;
    for (let c = first; c < last; c += 4) {
      writeTile(
        m + (<usize>t << 5) + bytes(c - first), mStep,
        y + <usize>at * yStep + bytes(c), yStep,
        residual ? residual + <usize>at * residualStep + bytes(c) : 0, residualStep,
        yWidth, min(4, yHeight - top), min(4, yWidth - left),
        bias ? bias + bytes(c) : 0, activation, slope, alpha,
        local,
      );
    }
  }
}
