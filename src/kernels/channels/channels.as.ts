// Between 8-bit RGBA and f32 planes; see split.wgsl and merge.wgsl. A part is some pixels.

import { bytes } from '../prelude.as';
import { floatChannelOf, fromPlanes, load4, pixelsOf, rounded, store4, word } from '../pixels.as';

export function splitChannels(
  part: i32,
  local: usize,
  picture: usize,
  planes: usize,
  pixels: i32,
  each: i32, // of a part, a multiple of 4
): void {
  const plane = bytes(pixels);
  const end = min(part * each + each, pixels);
  for (let i = part * each; i < end; i += 4) {
    const count = end - i;
    const four = load4(picture + bytes(i), count);
    let to = planes + bytes(i);
    for (let shift = 0; shift < 32; shift += 8, to += plane) store4(to, floatChannelOf(four, shift), count);
  }
}

/** One plane is grey; without a fourth plane the picture is opaque. */
export function mergeChannels(
  part: i32,
  local: usize,
  picture: usize,
  planes: usize,
  pixels: i32,
  each: i32, // of a part, a multiple of 4
  count: i32, // of planes
): void {
  const plane = bytes(pixels);
  const end = min(part * each + each, pixels);
  for (let i = part * each; i < end; i += 4) {
    const few = end - i;
    const from = planes + bytes(i);
    const red = rounded(load4(from, few));
    const green = count > 1 ? rounded(load4(from + plane, few)) : red;
    const blue = count > 1 ? rounded(load4(from + 2 * plane, few)) : red;
    const alpha = count > 3 ? rounded(load4(from + 3 * plane, few)) : word(255);
    store4(picture + bytes(i), fromPlanes(pixelsOf(red, green, blue, alpha)), few);
  }
}
