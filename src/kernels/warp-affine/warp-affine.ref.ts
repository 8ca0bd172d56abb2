// The meaning of `warp-affine`: bilinear samples channel by channel at the positions that the tables say.

import type { NumberArray } from '../kernel.js';
import { samplesOf, type Warp, type WarpTables, warpTables } from './tables.js';
import type { WarpAffineParams } from './warp-affine.js';

export function warpAffineReference(
  params: WarpAffineParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { source, target, border } = params;
  const bytes = new Uint8Array(Uint32Array.from(inputs.x!).buffer);
  const y = new Uint8Array(4 * target.width * target.height);
  const tables = warpTables(params);
  for (let row = 0; row < target.height; row++)
    for (let column = 0; column < target.width; column++)
      for (let c = 0; c < 4; c++) {
        const pixel = (px: number, py: number) => {
          if (!('mirrored' in border)) return bordered(px, py, border[c]!);
          const { width, height } = border.mirrored;
          const [u, v] = [folded(px + source.x, width) - source.x, folded(py + source.y, height) - source.y];
          return bordered(u, v, 0);
        };
        const bordered = (px: number, py: number, outside: number) =>
          px < 0 || py < 0 || px >= source.width || py >= source.height
            ? outside
            : bytes[4 * (py * source.width + px) + c]!;
        const mean = warpedValue(params, tables, column, row, pixel);
        y[4 * (row * target.width + column) + c] = Math.floor(mean + 0.5);
      }
  return { y: new Uint32Array(y.buffer) };
}

/** A place on an axis that goes on mirrored, each end pixel twice. */
function folded(at: number, count: number): number {
  const turn = ((at % (2 * count)) + 2 * count) % (2 * count);
  return turn < count ? turn : 2 * count - 1 - turn;
}

/** The mean of the samples of a target pixel. */
export function warpedValue(
  warp: Warp,
  tables: WarpTables,
  column: number,
  row: number,
  pixel: (x: number, y: number) => number,
): number {
  const samples = samplesOf(warp, tables, column, row);
  let sum = 0;
  for (const { x, y, fx, fy } of samples) {
    const upper = pixel(x, y) * (1 - fx) + pixel(x + 1, y) * fx;
    const lower = pixel(x, y + 1) * (1 - fx) + pixel(x + 1, y + 1) * fx;
    sum += upper * (1 - fy) + lower * fy;
  }
  return sum / samples.length;
}
