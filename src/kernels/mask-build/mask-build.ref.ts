// The meaning of `mask-build`.

import type { NumberArray } from '../kernel.js';
import { hasGap, type MaskBuildParams } from './mask-build.js';

export function maskBuildReference(
  params: MaskBuildParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const { width, height } = params;
  const value = pixelValue(params, inputs);
  const count = width * height;
  const y = new Float32Array(hasGap(params) ? 2 * count : count);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const index = row * width + column;
      const [mask, gap] = value(column, row, index);
      y[index] = mask;
      if (hasGap(params)) y[count + index] = gap!;
    }
  return { y };
}

/** The mask and, where it is asked for, its gap. */
type Value = readonly [mask: number, gap?: number];

function pixelValue(
  params: MaskBuildParams,
  { labels, x, a, b, coverage }: Readonly<Record<string, NumberArray>>,
): (column: number, row: number, index: number) => Value {
  const { width, height } = params;
  const count = width * height;
  switch (params.operation) {
    case 'labels': {
      const bytes = new Uint8Array(Uint32Array.from(labels!).buffer);
      return (_column, _row, i) => {
        const value = params.values[bytes[i]!] ?? 0;
        return [value, 1 - value];
      };
    }
    case 'frame': {
      const { border } = params;
      const inside = (at: number, side: number) => at >= border && at < side - border;
      return (column, row, i) => (inside(column, width) && inside(row, height) ? [x![i]!, x![count + i]!] : [0, 1]);
    }
    case 'minimum-gap':
      return (_column, _row, i) => {
        const other = Math.abs(b![i]! - 1) < 2e-6 ? params.full : b![i]!;
        return [Math.min(a![i]!, other), Math.max(a![count + i]! + 1 - coverage![i]!, 1 - other)];
      };
    case 'shape': {
      const m = params.affine as [number, number, number, number, number, number];
      return (column, row, i) => {
        const u = m[0] * column + m[1] * row + m[2];
        const v = m[3] * column + m[4] * row + m[5];
        const reach = params.ellipse ? Math.hypot(u, v) : Math.max(Math.abs(u), Math.abs(v));
        const t = Math.min(Math.max((1 - reach) / params.feather, 0), 1);
        const value = t * t * (3 - 2 * t);
        return [params.within ? Math.min(value, x![i]!) : value];
      };
    }
  }
}
