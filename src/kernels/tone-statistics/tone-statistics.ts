// What colours go with each level of grey, and whether they follow from it: toned photos (sepia, yellowed, blue) are told from coloured
// ones by that.

import { array, type Kernel, type Operand } from '../kernel.js';

export interface ToneStatisticsParams {
  readonly pixels: number;
}

export const BINS = 256;
export const SUMS = 6;

/** Most pixels that are looked at: the sum of their squares fits into 32 bits. */
const MOST_PIXELS = 2 ** 16;

/** From one pixel to the next that is looked at: odd, so that it meets all columns of pictures with even sides. */
export function toneStep(pixels: number): number {
  const step = Math.ceil(pixels / MOST_PIXELS);
  return step % 2 === 0 ? step + 1 : step;
}

/** Operands: `x`, a pixel of 8-bit RGBA in each u32, red in the low byte; `sums` for `toneOf`. */
export const toneStatistics: Kernel<ToneStatisticsParams> = {
  name: 'tone-statistics',
  operands({ pixels }): Record<string, Operand> {
    return { x: array('read', 'u32', pixels), sums: array('write', 'u32', SUMS * BINS) };
  },
};

export interface Tone {
  /** Red, green and blue of each grey from 0 to 255: 3 x 256 values. */
  readonly curve: Float32Array;
  /** Variance of red and of blue (the larger one) among pixels of one grey. */
  readonly scatter: number;
  /** Variance of red and of blue (the larger one) around a cubic function of grey. */
  readonly residual: number;
}

/** Standard deviation of the smoothing of curves, in levels. */
const SMOOTHING = 2;

/** So many pixels weighs the straight line that curves follow where a photo has no pixels. */
const LINE_WEIGHT = 50;

/** Tone by the sums of `toneStatistics`. */
export function toneOf(sums: Uint32Array): Tone {
  const row = (i: number) => Float64Array.from(sums.subarray(BINS * i, BINS * (i + 1)));
  const counts = row(0);
  const channels = [row(1), row(2), row(3)];
  const curve = new Float32Array(3 * BINS);
  channels.forEach((sum, c) => {
    curve.set(smoothCurve(counts, sum), BINS * c);
  });
  const scatters = [scatter(counts, row(1), row(4)), scatter(counts, row(3), row(5))];
  const residuals = [residual(counts, row(1), row(4)), residual(counts, row(3), row(5))];
  return { curve, scatter: Math.max(...scatters), residual: Math.max(...residuals) };
}

function scatter(counts: Float64Array, sums: Float64Array, squares: Float64Array): number {
  let [deviations, freedom] = [0, 0];
  for (let grey = 0; grey < BINS; grey++) {
    if (counts[grey]! < 2) continue;
    deviations += squares[grey]! - sums[grey]! ** 2 / counts[grey]!;
    freedom += counts[grey]! - 1;
  }
  return freedom > 0 ? deviations / freedom : 0;
}

function residual(counts: Float64Array, sums: Float64Array, squares: Float64Array): number {
  const cubic = polynomial(counts, sums, 3);
  let [deviations, pixels] = [0, 0];
  for (let grey = 0; grey < BINS; grey++) {
    const value = cubic(grey);
    deviations += squares[grey]! - 2 * value * sums[grey]! + value ** 2 * counts[grey]!;
    pixels += counts[grey]!;
  }
  return Math.max(0, deviations / pixels);
}

/** The weighted least-squares polynomial of a channel over grey. */
function polynomial(counts: Float64Array, sums: Float64Array, degree: number): (grey: number) => number {
  const terms = (grey: number) => Array.from({ length: degree + 1 }, (_, i) => (grey / (BINS - 1)) ** i);
  const rows = Array.from({ length: degree + 1 }, () => new Float64Array(degree + 2));
  let pixels = 0;
  for (let grey = 0; grey < BINS; grey++) {
    const values = terms(grey);
    pixels += counts[grey]!;
    rows.forEach((row, i) => {
      for (let j = 0; j <= degree; j++) row[j]! += counts[grey]! * values[i]! * values[j]!;
      row[degree + 1]! += values[i]! * sums[grey]!;
    });
  }
  // A photo of few greys does not determine all terms.
  rows.forEach((row, i) => {
    row[i]! += 1e-9 * pixels;
  });
  for (let i = 0; i <= degree; i++)
    for (const [k, row] of rows.entries()) {
      if (k === i) continue;
      const factor = row[i]! / rows[i]![i]!;
      for (let j = i; j <= degree + 1; j++) row[j]! -= factor * rows[i]![j]!;
    }
  const coefficients = rows.map((row, i) => row[degree + 1]! / row[i]!);
  return grey => terms(grey).reduce((sum, value, i) => sum + coefficients[i]! * value, 0);
}

/** A channel over grey: the mean of the pixels near a grey, and a straight line where there are none. */
function smoothCurve(counts: Float64Array, sums: Float64Array): Float32Array {
  const line = polynomial(counts, sums, 1);
  const reach = 3 * SMOOTHING;
  return Float32Array.from({ length: BINS }, (_, grey) => {
    // What is averaged is how far the channel is from grey, which changes slowly.
    let [weight, offset] = [LINE_WEIGHT, LINE_WEIGHT * (line(grey) - grey)];
    for (let near = Math.max(0, grey - reach); near <= Math.min(BINS - 1, grey + reach); near++) {
      const share = Math.exp(-0.5 * ((near - grey) / SMOOTHING) ** 2);
      weight += share * counts[near]!;
      offset += share * (sums[near]! - near * counts[near]!);
    }
    return Math.min(Math.max(grey + offset / weight, 0), 255);
  });
}
