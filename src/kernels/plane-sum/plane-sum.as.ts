// Partial sums of an f32 plane: sum k is that of the values k, k + sums, k + 2 sums and so on. A part is some of the sums.

import { bytes, splat } from '../prelude.as';
import { load4, store4 } from '../pixels.as';

export function planeSum(
  part: i32,
  local: usize,
  x: usize,
  y: usize,
  values: i32,
  sums: i32,
  each: i32, // of a part, a multiple of 4
): void {
  const first = part * each;
  const end = min(first + each, sums);
  for (let i = first; i < end; i += 4) store4(y + bytes(i), splat(0), end - i);
  for (let begin = 0; begin < values; begin += sums) {
    const last = min(end, values - begin);
    for (let i = first; i < last; i += 4) {
      const to = y + bytes(i);
      store4(to, f32x4.add(load4(to, last - i), load4(x + bytes(begin + i), last - i)), last - i);
    }
  }
}
