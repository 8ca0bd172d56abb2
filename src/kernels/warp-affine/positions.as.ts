// Positions in the source of an affine warp, as its tables have them: sums in 1/2048 pixel, or 1/1024 in compat mode, which keeps 1/32.

// @ts-ignore: decorator
@inline
export function fractionBits(compat: i32): i32 {
  return compat ? 5 : 11;
}

/** A sum of the tables' in units of `fractionBits`. */
// @ts-ignore: decorator
@inline
export function gridPosition(sum: i32, compat: i32): i32 {
  return compat ? sum >> 5 : sum;
}

// @ts-ignore: decorator
@inline
export function wholePixel(grid: i32, compat: i32): i32 {
  return compat ? max(-32768, min(32767, grid >> 5)) : grid >> 11;
}
