// Pictures, a word of RGBA for each pixel with red in the low byte, and planes in vectors: the channels of one pixel, or four neighbours.

// @ts-ignore: decorator
@inline
export function word(x: i32): v128 {
  return i32x4.splat(x);
}

/** Up to four values from an address on; the others are zero. */
// @ts-ignore: decorator
@inline
export function load4(at: usize, count: i32): v128 {
  return count >= 4 ? v128.load(at) : loadFew(at, count);
}

function loadFew(at: usize, count: i32): v128 {
  if (count == 1) return v128.load32_zero(at);
  const two = v128.load64_zero(at);
  return count == 2 ? two : v128.load32_lane(at + 8, two, 2);
}

/** Writes the first `count` of four values. */
// @ts-ignore: decorator
@inline
export function store4(at: usize, value: v128, count: i32): void {
  if (count >= 4) v128.store(at, value);
  else storeFew(at, value, count);
}

function storeFew(at: usize, value: v128, count: i32): void {
  if (count == 1) return v128.store32_lane(at, value, 0);
  v128.store64_lane(at, value, 0);
  if (count == 3) v128.store32_lane(at + 8, value, 2);
}

/** The channels of a pixel as i32. */
// @ts-ignore: decorator
@inline
export function levels(pixel: v128): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(pixel));
}

/** The channels of the pixel at an address as f32. */
// @ts-ignore: decorator
@inline
export function floatLevels(at: usize): v128 {
  return f32x4.convert_i32x4_s(levels(v128.load32_zero(at)));
}

/** Channels, as i32, in bytes; they saturate. */
// @ts-ignore: decorator
@inline
export function pixelOf(channels: v128): i32 {
  const narrow = i16x8.narrow_i32x4_s(channels, channels);
  return i32x4.extract_lane(i8x16.narrow_i16x8_u(narrow, narrow), 0);
}

/** Channels of four pixels, as i32, in bytes; they saturate. */
// @ts-ignore: decorator
@inline
export function pixelsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** Four pixels from the bytes of their red, then those of their green and so on. */
// @ts-ignore: decorator
@inline
export function fromPlanes(channels: v128): v128 {
  return i8x16.shuffle(channels, channels, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

/** Takes its first argument for red, green and blue and its second one for alpha. */
// @ts-ignore: decorator
@inline
export function withAlpha(colours: v128, alpha: v128): v128 {
  return v128.shuffle<i32>(colours, alpha, 0, 1, 2, 7);
}

/** (red, green, blue, 1), each times alpha. */
// @ts-ignore: decorator
@inline
export function premultiplied(channels: v128): v128 {
  const alpha = v128.shuffle<i32>(channels, channels, 3, 3, 3, 3);
  return f32x4.mul(channels, withAlpha(alpha, f32x4.splat(1)));
}

/** One of the channels of four pixels, which begins at bit `shift`, as i32. */
// @ts-ignore: decorator
@inline
export function channelOf(pixels: v128, shift: i32): v128 {
  return v128.and(i32x4.shr_u(pixels, shift), word(255));
}

/** As `channelOf`, as f32. */
// @ts-ignore: decorator
@inline
export function floatChannelOf(pixels: v128, shift: i32): v128 {
  return f32x4.convert_i32x4_s(channelOf(pixels, shift));
}

/** Luma of four pixels in whole levels, as f32. All sums are below 2^24, and so exact. */
// @ts-ignore: decorator
@inline
export function wholeLuma(pixels: v128): v128 {
  const red = f32x4.mul(floatChannelOf(pixels, 0), f32x4.splat(19595));
  const green = f32x4.mul(floatChannelOf(pixels, 8), f32x4.splat(38470));
  const blue = f32x4.mul(floatChannelOf(pixels, 16), f32x4.splat(7471));
  const sum = f32x4.add(f32x4.add(red, green), f32x4.add(blue, f32x4.splat(32768)));
  return f32x4.floor(f32x4.mul(sum, f32x4.splat(1.52587890625e-5)));
}

/** Each channel of two pixels side by side as i16, for products with a `pair` of weights. */
// @ts-ignore: decorator
@inline
export function neighbours(two: v128): v128 {
  return i16x8.extend_low_i8x16_u(i8x16.shuffle(two, two, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15));
}

/** Two weights of i16, four times. */
// @ts-ignore: decorator
@inline
export function pair(first: i32, second: i32): v128 {
  return word((first & 0xffff) | (second << 16));
}

/** The pixels at two addresses beside each other. */
// @ts-ignore: decorator
@inline
export function twoPixels(first: usize, second: usize): v128 {
  return v128.load32_lane(second, v128.load32_zero(first), 1);
}

/** The nearest levels as i32, halves to even ones, not yet saturated. */
// @ts-ignore: decorator
@inline
export function rounded(value: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(value));
}
