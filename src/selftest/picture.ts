// The built-in picture: a face of plain shapes, the same bytes everywhere.

import type { Picture } from '../image/picture.js';

type Colour = readonly [red: number, green: number, blue: number];

/** Ellipses over each other: centre and half axes as shares of the side. */
const SHAPES: readonly (readonly [x: number, y: number, width: number, height: number, colour: Colour])[] = [
  [0.5, 1.15, 0.55, 0.35, [60, 80, 130]],
  [0.5, 0.42, 0.36, 0.44, [70, 45, 30]],
  [0.5, 0.53, 0.28, 0.38, [214, 164, 138]],
  [0.38, 0.45, 0.065, 0.03, [245, 240, 236]],
  [0.62, 0.45, 0.065, 0.03, [245, 240, 236]],
  [0.38, 0.45, 0.028, 0.03, [50, 70, 60]],
  [0.62, 0.45, 0.028, 0.03, [50, 70, 60]],
  [0.38, 0.38, 0.08, 0.014, [80, 50, 35]],
  [0.62, 0.38, 0.08, 0.014, [80, 50, 35]],
  [0.5, 0.61, 0.045, 0.03, [196, 138, 116]],
  [0.5, 0.75, 0.1, 0.032, [172, 78, 80]],
  [0.5, 0.745, 0.075, 0.008, [90, 35, 40]],
];

/** Only arithmetic that is exact or rounded the same everywhere. */
export function testPicture(side: number): Picture {
  const data = new Uint8ClampedArray(4 * side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const [u, v] = [(x + 0.5) / side, (y + 0.5) / side];
      let colour: Colour = [120 + 60 * u, 140 - 50 * v, 150];
      for (const [cx, cy, width, height, own] of SHAPES) {
        const [dx, dy] = [(u - cx) / width, (v - cy) / height];
        const far = dx * dx + dy * dy;
        // Lit from the upper left.
        const light = 1 - 0.25 * (dx + dy);
        if (far < 1) colour = [own[0] * light, own[1] * light, own[2] * light];
      }
      data.set([...colour.map(Math.round), 255], 4 * (y * side + x));
    }
  return { data, width: side, height: side };
}
