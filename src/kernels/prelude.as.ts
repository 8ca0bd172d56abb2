// What kernels in AssemblyScript share. Addresses are in bytes; `part` and `local` are what `kernels/wasm.ts` says. Only plain SIMD is used, so
// that every machine gives the same bytes.

// @ts-ignore: decorator
@inline
export function splat(x: f32): v128 {
  return f32x4.splat(x);
}

/** a * b + c, rounded twice. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Bytes of `count` values of four bytes. */
// @ts-ignore: decorator
@inline
export function bytes(count: i32): usize {
  return <usize>count << 2;
}

// @ts-ignore: decorator
@inline
export function roundUp(value: i32, step: i32): i32 {
  return (value + step - 1) / step * step;
}

/** The sum of all four, always in the same order. */
// @ts-ignore: decorator
@inline
export function sumOf(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** e^x within 2e-7 of it; coefficients as in prelude.wgsl. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const clamped = f32x4.pmax(splat(-87), f32x4.pmin(splat(88), x));
  // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
  const shifted = madd(clamped, splat(1.44269504), splat(12582912));
  const k = f32x4.sub(shifted, splat(12582912));
  const r = madd(k, splat(-1.42860677e-6), madd(k, splat(-0.693145752), clamped));
  let p = madd(splat(1.98756915e-4), r, splat(1.39819995e-3));
  p = madd(p, r, splat(8.33345191e-3));
  p = madd(p, r, splat(4.16657959e-2));
  p = madd(p, r, splat(1.66666655e-1));
  p = madd(p, r, splat(5.00000012e-1));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), splat(1));
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

// @ts-ignore: decorator
@inline
export function swish4(x: v128): v128 {
  return f32x4.div(x, f32x4.add(splat(1), exp4(f32x4.neg(x))));
}

/** x times the normal distribution function, by Abramowitz and Stegun 7.1.26, off by less than 1.5e-7. */
export function gelu4(x: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), splat(0.70710678));
  const t = f32x4.div(splat(1), madd(splat(0.3275911), z, splat(1)));
  let poly = madd(t, splat(1.061405429), splat(-1.453152027));
  poly = madd(t, poly, splat(1.421413741));
  poly = madd(t, poly, splat(-0.284496736));
  poly = f32x4.mul(t, madd(t, poly, splat(0.254829592)));
  const tail = f32x4.mul(f32x4.mul(splat(0.5), poly), exp4(f32x4.neg(f32x4.mul(z, z))));
  return f32x4.mul(x, v128.bitselect(f32x4.sub(splat(1), tail), tail, f32x4.gt(x, splat(0))));
}

/** x where it is positive, else x times `slope`. */
// @ts-ignore: decorator
@inline
export function leaky4(x: v128, slope: v128): v128 {
  return v128.bitselect(x, f32x4.mul(x, slope), f32x4.gt(x, splat(0)));
}

/** Columns of four rows: the first elements of all go to `to0`, the second ones to `to1` and so on. */
// @ts-ignore: decorator
@inline
export function storeTransposed(
  r0: v128,
  r1: v128,
  r2: v128,
  r3: v128,
  to0: usize,
  to1: usize,
  to2: usize,
  to3: usize,
): void {
  const low02 = v128.shuffle<f32>(r0, r2, 0, 4, 1, 5);
  const low13 = v128.shuffle<f32>(r1, r3, 0, 4, 1, 5);
  const high02 = v128.shuffle<f32>(r0, r2, 2, 6, 3, 7);
  const high13 = v128.shuffle<f32>(r1, r3, 2, 6, 3, 7);
  v128.store(to0, v128.shuffle<f32>(low02, low13, 0, 4, 1, 5));
  v128.store(to1, v128.shuffle<f32>(low02, low13, 2, 6, 3, 7));
  v128.store(to2, v128.shuffle<f32>(high02, high13, 0, 4, 1, 5));
  v128.store(to3, v128.shuffle<f32>(high02, high13, 2, 6, 3, 7));
}
