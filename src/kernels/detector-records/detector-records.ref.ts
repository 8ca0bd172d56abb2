// The meaning of `detector-records`.

import { type NumberArray, pixelIndex } from '../kernel.js';
import { type DetectorRecordsParams, priorCount, RECORD } from './detector-records.js';

export function detectorRecordsReference(
  params: DetectorRecordsParams,
  inputs: Readonly<Record<string, NumberArray>>,
): Record<string, NumberArray> {
  const records = new Float32Array(priorCount(params) * RECORD);
  let at = 0;
  params.levels.forEach((l, level) => {
    for (let n = 0; n < l.n; n++)
      for (let row = 0; row < l.h; row++)
        for (let column = 0; column < l.w; column++)
          for (const anchor of [0, 1]) {
            const pixel = inputs[`level_${level}`]!.subarray(pixelIndex(l, n, row, column));
            const [background, face] = [pixel[anchor * 2]!, pixel[anchor * 2 + 1]!].map(Math.exp) as [number, number];
            records.set([background / (background + face), face / (background + face)], at);
            records.set(pixel.subarray(4 + 4 * anchor, 8 + 4 * anchor), at + 2);
            records.set(pixel.subarray(12 + 10 * anchor, 22 + 10 * anchor), at + 6);
            at += RECORD;
          }
  });
  return { records };
}
