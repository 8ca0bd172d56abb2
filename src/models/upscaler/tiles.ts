// Cutting pictures into tiles that overlap, and putting together what becomes of them.

import type { Rect, Size } from '../../image/geometry.js';

export interface Tile {
  /** What the network sees, in pixels of the picture, which goes on mirrored around it: sides are even. */
  readonly input: Rect;
  /** The part of the picture that this tile answers for. */
  readonly core: Rect;
}

/**
 * The tiles of a picture, row by row. The picture counts as padded to even sides.
 * @param tile side of the cores, even; 0 for one tile
 * @param pad how far the network sees around a core, even
 * @param edge how far it sees beyond the picture at most, even
 */
export function tilesOf({ width, height }: Size, tile: number, pad: number, edge = 0): Tile[] {
  const columns = spans(width, tile, pad, edge);
  return spans(height, tile, pad, edge).flatMap(row =>
    columns.map(column => ({
      input: rect(column.from, row.from, column.to, row.to),
      core: rect(column.begin, row.begin, column.end, row.end),
    })),
  );
}

const rect = (left: number, top: number, right: number, bottom: number): Rect => ({
  x: left,
  y: top,
  width: right - left,
  height: bottom - top,
});

/** Along one axis: cores from `begin` to `end`, inputs from `from` to `to`. */
function spans(size: number, tile: number, pad: number, edge: number) {
  const padded = size + (size % 2);
  const step = tile === 0 ? padded : tile;
  const around = Math.max(pad, edge);
  return Array.from({ length: Math.ceil(padded / step) }, (_, i) => {
    const begin = i * step;
    const end = Math.min(begin + step, padded);
    return {
      begin,
      end: Math.min(end, size),
      from: Math.max(0 - edge, begin - around),
      to: Math.min(padded + edge, end + around),
    };
  });
}

/** The index of the pixel that stands at any index: the picture is mirrored at both ends, without repeating its border. */
export function mirrored(index: number, size: number): number {
  const period = Math.max(1, 2 * (size - 1));
  const place = ((index % period) + period) % period;
  return Math.min(place, period - place, size - 1);
}
