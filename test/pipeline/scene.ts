// Scenes for tests of the pipeline, without any network that was trained: pictures, faces whose places are known, and a stand-in for
// the restoring network that leaves a mark.

import type { Picture } from '../../src/image/picture.js';
import { createRestorer } from '../../src/node/restorer.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import type { RestorerOptions } from '../../src/pipeline/restorer-types.js';
import type { Landmarks } from '../../src/pipeline/types.js';
import { testExecutor } from '../device.js';

/** A smooth picture in colours, RGBA. */
export function scene(width: number, height: number, shift = 0): Picture {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 4) {
      data[at] = 128 + 90 * Math.sin((x + shift) / 17);
      data[at + 1] = 128 + 90 * Math.cos((y - shift) / 23);
      data[at + 2] = 128 + 60 * Math.sin((x + y) / 31);
      data[at + 3] = 255;
    }
  return { data, width, height };
}

/** Landmarks of a face: its middle, the side of its crop, its turn in degrees. */
export function landmarksAt(x: number, y: number, side: number, turn = 0): Landmarks {
  const template = [
    [0.3769, 0.4686],
    [0.6229, 0.4691],
    [0.5012, 0.6133],
    [0.3931, 0.7254],
    [0.6115, 0.7249],
  ] as const;
  const [cos, sin] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  return template.map(([u, v]) => {
    const [dx, dy] = [(u - 0.5) * side, (v - 0.5) * side];
    return [x + cos * dx - sin * dy, y + sin * dx + cos * dy] as const;
  });
}

/** One colour all over, for a restored face that is easily found again. */
export function flat([r, g, b]: readonly [number, number, number]) {
  return ({ width, height }: Picture): Picture => {
    const data = new Uint8ClampedArray(4 * width * height);
    for (let i = 0; i < data.length; i += 4) data.set([r, g, b, 255], i);
    return { data, width, height };
  };
}

/** A restorer on the device of all tests, without networks unless they are given. */
export async function restorerWith(options: RestorerOptions = {}): Promise<Restorer> {
  return createRestorer({ weights: null, detector: null, upscaler: null, device: await testExecutor(), ...options });
}

/** The colour of a pixel. */
export function colour({ data, width }: Picture, x: number, y: number): number[] {
  return [...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3)];
}

/** The largest difference of two pictures of one size. */
export function largestDifference(a: Picture, b: Picture): number {
  return Array.from(a.data).reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
}
