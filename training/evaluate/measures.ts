// What the evaluation measures beside `compare`: colours inside the face, and means in which every source counts alike.

import type { Picture } from '../../src/node/index.js';
import { bySource } from './data.js';

/** Cells per row over which colours are averaged, so that detail does not count as colour. */
const CELLS = 32;

/** The face in an aligned crop: an ellipse, as shares of the side. */
const FACE = { x: 0.5, y: 0.58, width: 0.28, height: 0.36 };

/** Mean distance in CIELAB (CIE 1976) of the colours inside the face of two aligned crops, averaged over cells of a 32nd of the side. */
export function colourDifference(picture: Picture, reference: Picture): number {
  const [a, b] = [cellColours(picture), cellColours(reference)];
  return mean(a.map((colour, i) => Math.hypot(...colour.map((value, k) => value - b[i]![k]!))));
}

/** Lab of the cells whose middle lies inside the face. */
function cellColours({ data, width, height }: Picture): number[][] {
  const colours: number[][] = [];
  for (let row = 0; row < CELLS; row++)
    for (let column = 0; column < CELLS; column++) {
      const [x, y] = [(column + 0.5) / CELLS, (row + 0.5) / CELLS];
      if (((x - FACE.x) / FACE.width) ** 2 + ((y - FACE.y) / FACE.height) ** 2 > 1) continue;
      const [left, right] = [column, column + 1].map(i => Math.floor((i * width) / CELLS)) as [number, number];
      const [top, bottom] = [row, row + 1].map(i => Math.floor((i * height) / CELLS)) as [number, number];
      const sums = [0, 0, 0];
      for (let v = top; v < bottom; v++)
        for (let u = left; u < right; u++)
          for (let channel = 0; channel < 3; channel++) sums[channel]! += linear(data[4 * (v * width + u) + channel]!);
      const count = (right - left) * (bottom - top);
      colours.push(lab(sums.map(sum => sum / count) as [number, number, number]));
    }
  return colours;
}

/** Of an sRGB value from 0 to 255. */
function linear(value: number): number {
  const v = value / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

/** L, a and b of linear sRGB, with the white point D65. */
function lab([r, g, b]: readonly [number, number, number]): [number, number, number] {
  const f = (t: number) => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

export function mean(all: readonly number[]): number {
  return all.reduce((sum, value) => sum + value, 0) / all.length;
}

/** The mean of the means of each source; what is NaN does not count. */
export function meanOverSources<T extends { readonly source: string }>(all: readonly T[], value: (item: T) => number) {
  const present = all.filter(item => !Number.isNaN(value(item)));
  return mean(bySource(present).map(([, group]) => mean(group.map(value))));
}
