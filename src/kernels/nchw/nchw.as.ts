// Between planes of float32, [n, c, h, w], and a tensor. A part is a run of pixels of a picture, a multiple of 4.

import { bytes, splat, storeTransposed } from '../prelude.as';

export function nchwToTensor(
  part: i32,
  local: usize,
  planes: usize,
  y: usize,
  stride: i32,
  pixels: i32, // of a picture
  channels: i32,
  run: i32, // of a part
  runs: i32, // of a picture
): void {
  const n = part / runs;
  const first = part % runs * run;
  const end = min(first + run, pixels);
  const plane = bytes(pixels);
  const step = bytes(stride);
  planes += <usize>(n * channels) * plane;
  y += <usize>(n * pixels) * step;
  const whole = end & ~3;
  for (let c = 0; c < channels; c += 4) {
    let from = planes + <usize>c * plane + bytes(first);
    let to = y + <usize>first * step + bytes(c);
    for (let pixel = first; pixel < whole; pixel += 4, from += 16, to += 4 * step) {
      storeTransposed(
        v128.load(from),
        c + 1 < channels ? v128.load(from + plane) : splat(0),
        c + 2 < channels ? v128.load(from + 2 * plane) : splat(0),
        c + 3 < channels ? v128.load(from + 3 * plane) : splat(0),
        to,
        to + step,
        to + 2 * step,
        to + 3 * step,
      );
    }
  }
  for (let pixel = whole; pixel < end; pixel++) {
    const to = y + <usize>pixel * step;
    if (channels & 3) v128.store(to + bytes(channels & ~3), splat(0));
    for (let c = 0; c < channels; c++)
      store<f32>(to + bytes(c), load<f32>(planes + <usize>c * plane + bytes(pixel)));
  }
}

/** @param local where 16 bytes go that nobody wants */
export function tensorToNchw(
  part: i32,
  local: usize,
  planes: usize,
  x: usize,
  stride: i32,
  pixels: i32, // of a picture
  channels: i32,
  run: i32, // of a part
  runs: i32, // of a picture
): void {
  const n = part / runs;
  const first = part % runs * run;
  const end = min(first + run, pixels);
  const plane = bytes(pixels);
  const step = bytes(stride);
  planes += <usize>(n * channels) * plane;
  x += <usize>(n * pixels) * step;
  const whole = end & ~3;
  for (let c = 0; c < channels; c += 4) {
    let from = x + <usize>first * step + bytes(c);
    let to = planes + <usize>c * plane + bytes(first);
    for (let pixel = first; pixel < whole; pixel += 4, from += 4 * step, to += 16) {
      storeTransposed(
        v128.load(from),
        v128.load(from + step),
        v128.load(from + 2 * step),
        v128.load(from + 3 * step),
        to,
        c + 1 < channels ? to + plane : local,
        c + 2 < channels ? to + 2 * plane : local,
        c + 3 < channels ? to + 3 * plane : local,
      );
    }
  }
  for (let pixel = whole; pixel < end; pixel++) {
    const from = x + <usize>pixel * step;
    for (let c = 0; c < channels; c++)
      store<f32>(planes + <usize>c * plane + bytes(pixel), load<f32>(from + bytes(c)));
  }
}
