// How alike two pictures are, and how sharp one is: for the lab and for evaluations, not for the pipeline.

import type { Picture } from '../../src/image/picture.js';

export interface Metrics {
  /** Of all colours, in decibels; infinite for equal pictures. */
  readonly psnr: number;
  /** Of the luma, 1 for equal pictures: a Gaussian window of 11 pixels with a deviation of 1.5. */
  readonly ssim: number;
  /** Mean size of the steps between neighbouring pixels of the luma, over that of the reference; NaN where that one is flat. */
  readonly sharpness: number;
}

/** Rows that are worked on before others may do something. */
const ROWS = 8;

const WINDOW = 11;
const DEVIATION = 1.5;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** Compares a picture with a reference of the same size, RGBA. Alpha does not count. */
export function compare(picture: Picture, reference: Picture): Metrics {
  for (const work = comparison(picture, reference); ; ) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** As `compare`; yields between slices of the work, which are short enough for a page to stay alive. */
export function* comparison(picture: Picture, reference: Picture): Generator<void, Metrics> {
  const { width, height } = reference;
  if (picture.width !== width || picture.height !== height)
    throw new Error(`Expected ${width}x${height} but the picture has ${picture.width}x${picture.height}`);
  const psnr = peakSignalToNoise(picture, reference);
  yield;
  const x = luma(picture);
  yield;
  const y = luma(reference);
  yield;
  const sharpness = meanStep(x, width, height) / meanStep(y, width, height);
  yield;
  return { psnr, ssim: yield* similarity(x, y, width, height), sharpness };
}

/** Of all colours of two pictures of the same size, in decibels; infinite for equal ones. */
export function peakSignalToNoise({ data: a }: Picture, { data: b }: Picture): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) if (i % 4 !== 3) sum += (a[i]! - b[i]!) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / (0.75 * a.length)));
}

/** As in ITU-R BT.601. */
function luma({ data }: Picture): Float64Array {
  const values = new Float64Array(data.length / 4);
  for (let i = 0; i < values.length; i++)
    values[i] = 0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!;
  return values;
}

function meanStep(values: Float64Array, width: number, height: number): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (x + 1 < width) sum += Math.abs(values[at + 1]! - values[at]!);
      if (y + 1 < height) sum += Math.abs(values[at + width]! - values[at]!);
      count += Number(x + 1 < width) + Number(y + 1 < height);
    }
  return sum / count;
}

/** Mean structural similarity over all places where the window lies whole inside. */
function* similarity(x: Float64Array, y: Float64Array, width: number, height: number): Generator<void, number> {
  const size = Math.min(WINDOW, width, height);
  const weights = gaussian(size);
  const across = width - size + 1;
  // The window slides down: of each row, five quantities are summed across once.
  const rows: Float64Array[][] = [];
  const rowOf = (top: number): Float64Array[] => {
    const sums = Array.from({ length: 5 }, () => new Float64Array(across));
    for (let left = 0; left < across; left++) {
      let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
      for (let k = 0; k < size; k++) {
        const u = x[top * width + left + k]!;
        const v = y[top * width + left + k]!;
        const w = weights[k]!;
        a += w * u;
        b += w * v;
        aa += w * u * u;
        bb += w * v * v;
        ab += w * u * v;
      }
      [a, b, aa, bb, ab].forEach((sum, i) => {
        sums[i]![left] = sum;
      });
    }
    return sums;
  };
  let total = 0;
  for (let row = 0; row < height; row++) {
    rows.push(rowOf(row));
    if (rows.length > size) rows.shift();
    if (rows.length === size) {
      for (let left = 0; left < across; left++) {
        let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
        for (let k = 0; k < size; k++) {
          const sums = rows[k]!;
          const w = weights[k]!;
          a += w * sums[0]![left]!;
          b += w * sums[1]![left]!;
          aa += w * sums[2]![left]!;
          bb += w * sums[3]![left]!;
          ab += w * sums[4]![left]!;
        }
        const structure = (2 * a * b + C1) * (2 * (ab - a * b) + C2);
        total += structure / ((a * a + b * b + C1) * (aa - a * a + bb - b * b + C2));
      }
    }
    if (row % ROWS === ROWS - 1) yield;
  }
  return total / (across * (height - size + 1));
}

function gaussian(size: number): Float64Array {
  const weights = Float64Array.from({ length: size }, (_, i) =>
    Math.exp(-((i - (size - 1) / 2) ** 2) / (2 * DEVIATION ** 2)),
  );
  const sum = weights.reduce((a, b) => a + b);
  return weights.map(weight => weight / sum);
}
