// How much a restored face has the shape of the one in the photo, by the landmarks that the detector finds in both.

import type { Landmarks } from '../src/web/client.js';

/** Mean distance of landmarks in the crop, over that of the eyes. 0: they are in the same places. */
export function likenessOf(restored: Landmarks, photo: Landmarks): number {
  const distance = ([ax, ay]: readonly [number, number], [bx, by]: readonly [number, number]) =>
    Math.hypot(ax - bx, ay - by);
  const sum = restored.reduce((all, point, i) => all + distance(point, photo[i]!), 0);
  return sum / restored.length / distance(photo[0]!, photo[1]!);
}
