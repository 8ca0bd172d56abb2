// The mean of a map over squares of box x box pixels, as differences from their first value: a constant map stays what it is to the last bit.
// A part is a row of the output.

import { bytes, splat, sumOf } from '../prelude.as';

export function fidelityMap(part: i32, local: usize, map: usize, y: usize, side: i32, box: i32): void {
  const width = bytes(side * box);
  map += <usize>(part * box) * width;
  y += bytes(part * side);
  if (box == 1) {
    memory.copy(y, map, width);
    return;
  }
  const count = <f32>(box * box);
  const whole = bytes(box & ~3);
  const length = bytes(box);
  for (let column = 0; column < side; column++, map += length, y += 4) {
    const first = load<f32>(map);
    let sums = splat(0);
    let rest: f32 = 0;
    for (let row = 0, from = map; row < box; row++, from += width) {
      let i: usize = 0;
      for (; i < whole; i += 16) sums = f32x4.add(sums, f32x4.sub(v128.load(from + i), splat(first)));
      for (; i < length; i += 4) rest += load<f32>(from + i) - first;
    }
    store<f32>(y, first + (sumOf(sums) + rest) / count);
  }
}
