// The largest magnitude of a tensor. Bits of floats without their sign are in the order of the floats. There is one part: what it writes is one
// value.

import { bytes } from '../prelude.as';

export function peak(part: i32, local: usize, x: usize, stride: i32, pixels: i32, channels: i32, to: usize): void {
  let largest = i32x4.splat(load<i32>(to));
  for (let pixel = 0; pixel < pixels; pixel++) {
    const at = x + <usize>pixel * bytes(stride);
    for (let c = 0; c < channels; c += 4)
      largest = i32x4.max_s(largest, v128.and(v128.load(at + bytes(c)), i32x4.splat(0x7fffffff)));
  }
  const first = max(i32x4.extract_lane(largest, 0), i32x4.extract_lane(largest, 1));
  store<i32>(to, max(first, max(i32x4.extract_lane(largest, 2), i32x4.extract_lane(largest, 3))));
}
