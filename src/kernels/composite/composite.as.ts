// Pasting one picture into another under a mask, and rounding what is left of levels; see composite.wgsl and finish.wgsl. A part is some rows.

import { bytes, madd, splat } from '../prelude.as';
import { floatChannelOf, fromPlanes, load4, pixelsOf, store4, word } from '../pixels.as';

/** Masks that are 1 but for the rounding of sums of weights. */
const NEARLY_FULL: f32 = 2e-6;

/** Relative size of what double precision drops. */
const DOUBLE: f32 = 1.1e-16;

/** Addresses of fractions, picture, what is pasted and so on are those of the first pixel of their rectangles. */
export function composite(
  part: i32,
  local: usize,
  pasted: usize,
  coverage: usize, // 0 where it does not count
  mask: usize,
  fractions: usize,
  picture: usize,
  pictureWidth: i32,
  width: i32, // of the rectangle
  height: i32,
  keptLeft: i32, // where fractions are kept, relative to the rectangle
  keptTop: i32,
  keptWidth: i32,
  keptHeight: i32,
  compat: i32,
  planes: i32, // whether three planes of f32 are pasted
  gap: i32, // whether the mask has a second plane, what it lacks of 1
  strength: f32,
  full: f32,
  each: i32, // rows of a part
): void {
  const plane = bytes(width * height);
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const kept = row >= keptTop && row < keptTop + keptHeight;
    const first = kept ? max(0, min(keptLeft, width)) : width;
    const last = kept ? max(first, min(keptLeft + keptWidth, width)) : width;
    const line = picture + bytes(row * pictureWidth);
    const rests = fractions + <usize>((row - keptTop) * keptWidth - keptLeft << 2);
    let begin = 0;
    for (let segment = 0; segment < 3; segment++) {
      const stop = segment == 0 ? first : segment == 1 ? last : width;
      if (segment != 1 && !compat && !gap) {
        const own = bytes(row * width + begin);
        const at = line + bytes(begin);
        const from = pasted + own;
        if (planes) pasteRounded(from, plane, mask + own, at, stop - begin, strength, full, true);
        else pasteRounded(from, plane, mask + own, at, stop - begin, strength, full, false);
        begin = stop;
        continue;
      }
      for (let i = begin; i < stop; i += 4) {
        const count = stop - i;
        const own = bytes(row * width + i);
        const plain = load4(mask + own, count);
        const seen = f32x4.gt(plain, splat(0));
        if (!v128.any_true(seen)) continue;
        let m = plain;
        if (!gap) {
          const nearly = f32x4.lt(f32x4.abs(f32x4.sub(plain, splat(1))), splat(NEARLY_FULL));
          m = v128.bitselect(splat(full), plain, nearly);
        }
        m = f32x4.mul(m, splat(strength));
        const lack = gap
          ? madd(splat(strength), load4(mask + plane + own, count), splat(1 - strength))
          : f32x4.sub(splat(1), m);
        const cover = coverage ? load4(coverage + own, count) : splat(1);
        const at = line + bytes(i);
        const pixels = load4(at, count);
        const words = planes ? pixels : load4(pasted + own, count);
        const before = segment == 1 ? load4(rests + bytes(i), count) : pixels;
        let after = v128.and(pixels, word(<i32>0xff000000));
        let left = word(0);
        for (let c = 0; c < 3; c++) {
          const value = planes ? load4(pasted + <usize>c * plane + own, count) : floatChannelOf(words, 8 * c);
          const colour = coverage ? f32x4.mul(value, cover) : value;
          const level = floatChannelOf(pixels, 8 * c);
          let rest = splat(0);
          if (segment == 1) {
            const bits = v128.and(i32x4.shr_u(before, 10 * c), word(1023));
            rest = f32x4.mul(f32x4.convert_i32x4_s(bits), splat(0.0009765625));
          }
          // The sum as a whole number near it, and the rest.
          const under = f32x4.add(level, rest);
          let whole: v128;
          if (compat && !gap) {
            whole = splat(0);
            rest = f32x4.add(f32x4.mul(m, colour), f32x4.mul(f32x4.sub(splat(1), m), under));
          } else {
            const most = f32x4.gt(m, splat(0.5));
            const near = f32x4.nearest(colour);
            whole = v128.bitselect(near, level, most);
            const little = madd(m, f32x4.sub(colour, under), rest);
            const much = f32x4.add(f32x4.sub(colour, near), f32x4.mul(lack, f32x4.sub(under, colour)));
            rest = v128.bitselect(much, little, most);
            const dropped = f32x4.le(f32x4.abs(rest), f32x4.mul(splat(DOUBLE), f32x4.pmax(under, colour)));
            rest = v128.andnot(rest, dropped);
          }
          const carry = f32x4.floor(rest);
          rest = f32x4.sub(rest, carry);
          whole = f32x4.add(whole, carry);
          if (segment == 1) {
            const share = f32x4.pmin(f32x4.pmax(f32x4.mul(rest, splat(1024)), splat(0)), splat(1023));
            left = v128.or(left, i32x4.shl(i32x4.trunc_sat_f32x4_s(share), 10 * c));
          } else if (!compat) {
            whole = f32x4.add(whole, v128.and(splat(1), f32x4.ge(rest, splat(0.5))));
          }
          const level8 = f32x4.pmin(f32x4.pmax(whole, splat(0)), splat(255));
          after = v128.or(after, i32x4.shl(i32x4.trunc_sat_f32x4_s(level8), 8 * c));
        }
        store4(at, v128.bitselect(after, pixels, seen), count);
        if (segment == 1) store4(rests + bytes(i), v128.bitselect(left, before, seen), count);
      }
      begin = stop;
    }
  }
}

/** What is mostly done: pixels of a row, rounded. Arithmetic is that of `composite`. */
// @ts-ignore: decorator
@inline
function pasteRounded(
  pasted: usize,
  plane: usize,
  mask: usize,
  picture: usize,
  count: i32,
  strength: f32,
  full: f32,
  planes: bool,
): void {
  for (let i = 0; i < count; i += 4) {
    const few = count - i;
    const own = bytes(i);
    const plain = load4(mask + own, few);
    const seen = f32x4.gt(plain, splat(0));
    if (!v128.any_true(seen)) continue;
    const nearly = f32x4.lt(f32x4.abs(f32x4.sub(plain, splat(1))), splat(NEARLY_FULL));
    const m = f32x4.mul(v128.bitselect(splat(full), plain, nearly), splat(strength));
    const pixels = load4(picture + own, few);
    const red = load4(pasted + own, few);
    const r = roundedMix(floatChannelOf(pixels, 0), planes ? red : floatChannelOf(red, 0), m);
    const green = planes ? load4(pasted + plane + own, few) : floatChannelOf(red, 8);
    const g = roundedMix(floatChannelOf(pixels, 8), green, m);
    const blue = planes ? load4(pasted + 2 * plane + own, few) : floatChannelOf(red, 16);
    const b = roundedMix(floatChannelOf(pixels, 16), blue, m);
    const after = fromPlanes(pixelsOf(r, g, b, i32x4.shr_u(pixels, 24)));
    store4(picture + own, v128.bitselect(after, pixels, seen), few);
  }
}

/** A channel of four pixels as i32, not yet saturated. */
// @ts-ignore: decorator
@inline
function roundedMix(under: v128, colour: v128, m: v128): v128 {
  const most = f32x4.gt(m, splat(0.5));
  const near = f32x4.nearest(colour);
  const difference = f32x4.sub(colour, under);
  const much = f32x4.sub(f32x4.sub(colour, near), f32x4.mul(f32x4.sub(splat(1), m), difference));
  let rest = v128.bitselect(much, f32x4.mul(m, difference), most);
  const dropped = f32x4.le(f32x4.abs(rest), f32x4.mul(splat(DOUBLE), f32x4.pmax(under, colour)));
  rest = v128.andnot(rest, dropped);
  const carry = f32x4.floor(rest);
  const up = v128.and(splat(1), f32x4.ge(f32x4.sub(rest, carry), splat(0.5)));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.add(v128.bitselect(near, under, most), carry), up));
}

/** Rounds the levels that were kept with fractions, which are zero afterwards. */
export function finishComposite(
  part: i32,
  local: usize,
  fractions: usize,
  picture: usize, // at the first pixel that has fractions
  pictureWidth: i32,
  width: i32, // of the fractions
  height: i32,
  each: i32, // rows of a part
): void {
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    for (let i = 0; i < width; i += 4) {
      const count = width - i;
      const from = fractions + bytes(row * width + i);
      const rests = load4(from, count);
      const red = v128.and(i32x4.shr_u(rests, 9), word(1));
      const green = v128.and(i32x4.shr_u(rests, 11), word(0x100));
      const blue = v128.and(i32x4.shr_u(rests, 13), word(0x10000));
      const at = picture + bytes(row * pictureWidth + i);
      const up = v128.or(v128.or(red, green), blue);
      store4(at, i8x16.add_sat_u(load4(at, count), up), count);
      store4(from, word(0), count);
    }
  }
}
