// Means and variances of the colours of an 8-bit picture.

import { array, ceilDiv, type Kernel, type Operand } from '../kernel.js';

export interface ColourStatisticsParams {
  readonly pixels: number;
}

export const LENGTH = 1024;

/** How many parts are summed on their own. */
export const partCount = (pixels: number): number => ceilDiv(pixels, LENGTH);

/** Sums in each part. */
const SUMS = 9;

/** Operands: `x`, a pixel of 8-bit RGBA in each u32, red in the low byte; `sums` for `colourStatisticsOf`. */
export const colourStatistics: Kernel<ColourStatisticsParams> = {
  name: 'colour-statistics',
  operands({ pixels }): Record<string, Operand> {
    return {
      x: array('read', 'u32', pixels),
      sums: array('write', 'u32', SUMS * partCount(pixels)),
    };
  },
};

type Triple = readonly [number, number, number];

/** Variances are population variances, in double precision from exact sums. */
export interface ColourStatistics {
  /** Red, green, blue. */
  readonly mean: Triple;
  readonly variance: Triple;
  /** Of red - green, green - blue, blue - red. */
  readonly differenceVariance: Triple;
}

export function colourStatisticsOf(sums: Uint32Array | Float64Array, pixels: number): ColourStatistics {
  const total = new Array<number>(SUMS).fill(0);
  sums.forEach((value, i) => {
    total[i % SUMS]! += value;
  });
  const triple = (of: (i: number) => number): Triple => [of(0), of(1), of(2)];
  const mean = triple(i => total[i]! / pixels);
  return {
    mean,
    variance: triple(i => variance(total[i]!, total[3 + i]!, pixels)),
    differenceVariance: triple(i => variance(total[i]! - total[(i + 1) % 3]!, total[6 + i]!, pixels)),
  };
}

function variance(sum: number, squares: number, count: number): number {
  return Math.max(0, squares / count - (sum / count) ** 2);
}
