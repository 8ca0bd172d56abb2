// Drawing on pictures: boxes and points of faces, numbers, and sheets of several pictures.

import type { Picture } from '../image/picture.js';
import type { DetectedFace } from '../pipeline/types.js';

type Colour = readonly [number, number, number];

const GREEN: Colour = [0, 255, 0];
const RED: Colour = [255, 0, 0];
const BLUE: Colour = [0, 128, 255];

/** A picture on which is drawn. */
class Canvas {
  readonly data: Uint8ClampedArray;

  constructor(
    readonly width: number,
    readonly height: number,
    data?: Uint8ClampedArray | Uint8Array,
  ) {
    this.data = data ? new Uint8ClampedArray(data) : new Uint8ClampedArray(4 * width * height).fill(255);
  }

  /** A filled rectangle, as far as it is inside. */
  fill(x: number, y: number, width: number, height: number, [r, g, b]: Colour): void {
    const left = Math.max(0, Math.round(x));
    const right = Math.min(this.width, Math.round(x) + width);
    for (let row = Math.max(0, Math.round(y)); row < Math.min(this.height, Math.round(y) + height); row++)
      for (let column = left; column < right; column++) this.data.set([r, g, b, 255], 4 * (row * this.width + column));
  }

  /** An RGBA picture, which must fit. */
  put({ data, width, height }: Picture, x: number, y: number): void {
    for (let row = 0; row < height; row++)
      this.data.set(data.subarray(4 * width * row, 4 * width * (row + 1)), 4 * ((y + row) * this.width + x));
  }

  text(text: string, x: number, y: number, scale: number): void {
    [...text].forEach((character, i) => {
      GLYPHS[character]?.forEach((bits, row) => {
        for (let column = 0; column < 3; column++)
          if (bits & (4 >> column)) this.fill(x + (4 * i + column) * scale, y + row * scale, scale, scale, [0, 0, 0]);
      });
    });
  }
}

/** Digits and a point, 3x5: a number of three bits for each row. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  '0': [7, 5, 5, 5, 7],
  '1': [2, 6, 2, 2, 7],
  '2': [7, 1, 7, 4, 7],
  '3': [7, 1, 7, 1, 7],
  '4': [5, 5, 7, 1, 1],
  '5': [7, 4, 7, 1, 7],
  '6': [7, 4, 7, 5, 7],
  '7': [7, 1, 1, 2, 2],
  '8': [7, 5, 7, 5, 7],
  '9': [7, 5, 7, 1, 7],
  '.': [0, 0, 0, 0, 2],
};

/** The picture with the boxes and landmarks of faces. */
export function drawFaces({ data, width, height }: Picture, faces: readonly DetectedFace[]): Picture {
  const canvas = new Canvas(width, height, data);
  const line = Math.max(1, Math.round(Math.min(width, height) / 300));
  for (const { box, landmarks } of faces) {
    const [left, top, right, bottom] = box.map(Math.round) as [number, number, number, number];
    canvas.fill(left, top, right - left, line, GREEN);
    canvas.fill(left, bottom - line, right - left, line, GREEN);
    canvas.fill(left, top, line, bottom - top, GREEN);
    canvas.fill(right - line, top, line, bottom - top, GREEN);
    landmarks.forEach(([x, y], i) => {
      // Left and right are easily mixed up, so they differ.
      canvas.fill(x - line, y - line, 2 * line + 1, 2 * line + 1, i === 0 || i === 3 ? RED : BLUE);
    });
  }
  return canvas;
}

const GAP = 8;

/**
 * A sheet of pictures of one size.
 * @param rows RGBA
 * @param labels of the columns: digits and points
 */
export function contactSheet(rows: readonly (readonly Picture[])[], labels: readonly string[]): Picture {
  const { width, height } = rows[0]![0]!;
  const scale = Math.max(2, Math.round(height / 64));
  const head = 5 * scale + 2 * GAP;
  const canvas = new Canvas(GAP + labels.length * (width + GAP), head + rows.length * (height + GAP));
  labels.forEach((label, column) => {
    const x = GAP + column * (width + GAP) + Math.round((width - (4 * label.length - 1) * scale) / 2);
    canvas.text(label, x, GAP, scale);
  });
  rows.forEach((row, i) => {
    row.forEach((picture, column) => {
      canvas.put(picture, GAP + column * (width + GAP), head + i * (height + GAP));
    });
  });
  return canvas;
}
