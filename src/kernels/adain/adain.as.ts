// Scale and shift that give every channel of x the mean and deviation it has in `style`: combines the statistics of strips (strips.as.ts) of
// both. A part is four channels of a picture.

import { bytes, madd, splat } from '../prelude.as';
import { stripAt } from '../statistics/strips.as';

const EPS: f32 = 1e-5;

/** Mean and deviation of four channels of a picture to `to`. Strips are added one by one (Chan). */
function moments(strips: usize, first: i32, pixel: usize, pixels: i32, length: i32, count: i32, to: usize): void {
  let mean = splat(0);
  let m2 = splat(0);
  for (let strip = 0; strip < count; strip++) {
    const at = stripAt(strips, first + strip, pixel);
    const before = strip * length;
    const added = min(length, pixels - before);
    const share = <f32>added / <f32>(before + added);
    const d = f32x4.sub(v128.load(at), mean);
    mean = madd(d, splat(share), mean);
    m2 = f32x4.add(m2, madd(f32x4.mul(d, d), splat(<f32>before * share), v128.load(at + pixel)));
  }
  v128.store(to, mean);
  // The variance is the sample's, over one pixel less; a single pixel has none.
  v128.store(to, f32x4.sqrt(f32x4.add(f32x4.div(m2, splat(<f32>(max(pixels, 2) - 1))), splat(EPS))), 16);
}

/** @param local mean and deviation of x and of the style */
export function adain(
  part: i32,
  local: usize,
  xStrips: usize, // [n, xCount, 2, channels rounded up to 4]
  xPixels: i32, // of a picture
  xLength: i32, // pixels of a strip
  xCount: i32, // strips of a picture
  styleStrips: usize,
  stylePixels: i32,
  styleLength: i32,
  styleCount: i32,
  channels: i32,
  scale: usize,
  shift: usize,
): void {
  const groups = (channels + 3) >> 2;
  const n = part / groups;
  const group = part % groups;
  const pixel = bytes(groups * 4);
  const own = bytes(group * 4);
  moments(xStrips + own, n * xCount, pixel, xPixels, xLength, xCount, local);
  moments(styleStrips + own, n * styleCount, pixel, stylePixels, styleLength, styleCount, local + 32);
  const inside = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(channels - group * 4));
  const factor = f32x4.div(v128.load(local, 48), v128.load(local, 16));
  const offset = f32x4.sub(v128.load(local, 32), f32x4.mul(v128.load(local), factor));
  const to = <usize>part << 4;
  v128.store(scale + to, v128.and(factor, inside));
  v128.store(shift + to, v128.and(offset, inside));
}
