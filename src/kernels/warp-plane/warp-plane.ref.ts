// The meaning of `warp-plane`: bilinear samples at the positions that the tables say, zero outside.

import type { NumberArray } from '../kernel.js';
import { warpTables } from '../warp-affine/tables.js';
import { warpedValue } from '../warp-affine/warp-affine.ref.js';
import type { WarpPlaneParams } from './warp-plane.js';

export function warpPlaneReference(
  params: WarpPlaneParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { source, target, planes } = params;
  const x = inputs.x!;
  const y = new Float32Array(planes * target.width * target.height);
  const tables = warpTables(params);
  for (let p = 0; p < planes; p++)
    for (let row = 0; row < target.height; row++)
      for (let column = 0; column < target.width; column++) {
        const pixel = (px: number, py: number) =>
          px < 0 || py < 0 || px >= source.width || py >= source.height
            ? 0
            : x[(p * source.height + py) * source.width + px]!;
        y[(p * target.height + row) * target.width + column] = warpedValue(params, tables, column, row, pixel);
      }
  return { y };
}
