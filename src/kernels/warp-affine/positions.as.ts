// Positions in the source of an affine warp, as its tables have them: sums in 1/2048 pixel, or 1/1024 in compat mode, which keeps 1/32. Four of them
// at a time.

// @ts-ignore: decorator
@inline
export function fractionBits(compat: i32): i32 {
  return compat ? 5 : 11;
}

/** Sums of the tables' in units of `fractionBits`. */
// @ts-ignore: decorator
@inline
export function gridPosition(sum: v128, compat: i32): v128 {
  return compat ? i32x4.shr_s(sum, 5) : sum;
}

// @ts-ignore: decorator
@inline
export function wholePixel(grid: v128, compat: i32): v128 {
  if (!compat) return i32x4.shr_s(grid, 11);
  return i32x4.max_s(i32x4.splat(-32768), i32x4.min_s(i32x4.splat(32767), i32x4.shr_s(grid, 5)));
}

/** Whether four places and their neighbours are all inside of the source. */
// @ts-ignore: decorator
@inline
export function allInside(column: v128, row: v128, width: i32, height: i32): bool {
  const across = i32x4.lt_u(column, i32x4.splat(width - 1));
  return i32x4.all_true(v128.and(across, i32x4.lt_u(row, i32x4.splat(height - 1))));
}
