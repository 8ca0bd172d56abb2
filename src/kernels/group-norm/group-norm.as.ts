// Group norm folded to one scale and shift for each picture and channel: combines the statistics of strips (strips.as.ts) over a group's
// channels and pixels. A part is a group of a picture.

import { bytes } from '../prelude.as';
import { stripAt } from '../statistics/strips.as';

export function groupNorm(
  part: i32,
  local: usize,
  strips: usize, // [n, count, 2, stride]
  pixels: i32, // of a picture
  length: i32, // pixels of a strip
  count: i32, // strips of a picture
  stride: i32, // channels rounded up to 4
  groups: i32,
  channels: i32, // of a group
  eps: f32,
  gamma: usize,
  beta: usize,
  scale: usize, // [n, stride]
  shift: usize,
): void {
  const n = part / groups;
  const group = part % groups;
  const pixel = bytes(stride);
  const own = bytes(group * channels);
  const end = own + bytes(channels);
  const first = n * count;

  // Means are summed as differences from one of them.
  const pivot = <f64>load<f32>(stripAt(strips, first, pixel) + own);
  let sum: f64 = 0;
  for (let strip = 0; strip < count; strip++) {
    const at = stripAt(strips, first + strip, pixel);
    let differences: f64 = 0;
    for (let c = own; c < end; c += 4) differences += <f64>load<f32>(at + c) - pivot;
    sum += differences * <f64>min(length, pixels - strip * length);
  }
  const values = <f64>pixels * <f64>channels;
  const mean = pivot + sum / values;

  let squares: f64 = 0;
  for (let strip = 0; strip < count; strip++) {
    const at = stripAt(strips, first + strip, pixel);
    let between: f64 = 0;
    for (let c = own; c < end; c += 4) {
      const d = <f64>load<f32>(at + c) - mean;
      between += d * d;
      squares += <f64>load<f32>(at + pixel + c);
    }
    squares += between * <f64>min(length, pixels - strip * length);
  }
  const deviation = sqrt(squares / values + <f64>eps);

  scale += <usize>n * pixel;
  shift += <usize>n * pixel;
  for (let c = own; c < end; c += 4) {
    const factor = <f64>load<f32>(gamma + c) / deviation;
    store<f32>(scale + c, <f32>factor);
    store<f32>(shift + c, <f32>(<f64>load<f32>(beta + c) - mean * factor));
  }
  if (group == groups - 1) {
    memory.fill(scale + end, 0, pixel - end);
    memory.fill(shift + end, 0, pixel - end);
  }
}
