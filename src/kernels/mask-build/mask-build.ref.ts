// The meaning of `mask-build`.

import type { NumberArray } from '../kernel.js';
import type { MaskBuildParams } from './mask-build.js';

export function maskBuildReference(
  params: MaskBuildParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { width, height } = params;
  const value = pixelValue(params, inputs);
  const y = new Float32Array(width * height);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) y[row * width + column] = value(column, row, row * width + column);
  return { y };
}

function pixelValue(
  params: MaskBuildParams,
  { labels, x, a, b }: Readonly<Record<string, NumberArray>>,
): (column: number, row: number, index: number) => number {
  switch (params.operation) {
    case 'labels': {
      const bytes = new Uint8Array(Uint32Array.from(labels!).buffer);
      return (_column, _row, i) => params.values[bytes[i]!] ?? 0;
    }
    case 'frame': {
      const { width, height, border } = params;
      const inside = (at: number, count: number) => at >= border && at < count - border;
      return (column, row, i) => (inside(column, width) && inside(row, height) ? x![i]! : 0);
    }
    case 'minimum':
      return (_column, _row, i) => Math.min(a![i]!, b![i]!);
    case 'shape': {
      const m = params.affine as [number, number, number, number, number, number];
      return (column, row) => {
        const u = m[0] * column + m[1] * row + m[2];
        const v = m[3] * column + m[4] * row + m[5];
        const reach = params.ellipse ? Math.hypot(u, v) : Math.max(Math.abs(u), Math.abs(v));
        const t = Math.min(Math.max((1 - reach) / params.feather, 0), 1);
        return t * t * (3 - 2 * t);
      };
    }
  }
}
