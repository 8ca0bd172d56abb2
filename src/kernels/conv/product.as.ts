// Products of matrices in registers: 6 rows of a with 8 columns of b. Twelve sums, two values of b and one of a are what the 16 registers of
// most processors hold.

/**
 * Values that are summed up in registers before they are added to the sum so far: their part of b stays in the first-level cache while
 * rows of a go by, and the error grows with the square root of this and of their number, not with all of them.
 */
const DEPTH: usize = 128 * 4;

/**
 * c[i][0 to 8] = sum over k of a[i][k] * b[k][0 to 8] for `rows` rows, or that added to c. Steps are in bytes from row to row. Up to 5 rows
 * more than asked for are read and written.
 * @param k a multiple of 4
 */
export function product(
  a: usize,
  aStep: usize,
  rows: i32,
  b: usize,
  k: i32,
  c: usize,
  cStep: usize,
  add: bool,
): void {
  let b0: v128;
  let b1: v128;
  let x: v128;
  const start = b;
  const length = <usize>k << 2;
  for (let first: usize = 0; first < length; first += DEPTH) {
    const depth = min(DEPTH, length - first);
    const panel = start + (first << 3);
    let from = a + first;
    let to = c;
    for (let row = 0; row < rows; row += 6) {
      let c0 = f32x4.splat(0);
      let c1 = f32x4.splat(0);
      let c2 = f32x4.splat(0);
      let c3 = f32x4.splat(0);
      let c4 = f32x4.splat(0);
      let c5 = f32x4.splat(0);
      let c6 = f32x4.splat(0);
      let c7 = f32x4.splat(0);
      let c8 = f32x4.splat(0);
      let c9 = f32x4.splat(0);
      let c10 = f32x4.splat(0);
      let c11 = f32x4.splat(0);
      let a0 = from;
      let a1 = a0 + aStep;
      let a2 = a1 + aStep;
      let a3 = a2 + aStep;
      let a4 = a3 + aStep;
      let a5 = a4 + aStep;
      const end = a0 + depth;
      b = panel;
      while (a0 != end) {
        b0 = v128.load(b);
        b1 = v128.load(b, 16);
        x = v128.load32_splat(a0);
        c0 = f32x4.add(c0, f32x4.mul(x, b0));
        c1 = f32x4.add(c1, f32x4.mul(x, b1));
        x = v128.load32_splat(a1);
        c2 = f32x4.add(c2, f32x4.mul(x, b0));
        c3 = f32x4.add(c3, f32x4.mul(x, b1));
        x = v128.load32_splat(a2);
        c4 = f32x4.add(c4, f32x4.mul(x, b0));
        c5 = f32x4.add(c5, f32x4.mul(x, b1));
        x = v128.load32_splat(a3);
        c6 = f32x4.add(c6, f32x4.mul(x, b0));
        c7 = f32x4.add(c7, f32x4.mul(x, b1));
        x = v128.load32_splat(a4);
        c8 = f32x4.add(c8, f32x4.mul(x, b0));
        c9 = f32x4.add(c9, f32x4.mul(x, b1));
        x = v128.load32_splat(a5);
        c10 = f32x4.add(c10, f32x4.mul(x, b0));
        c11 = f32x4.add(c11, f32x4.mul(x, b1));
        b0 = v128.load(b, 32);
        b1 = v128.load(b, 48);
        x = v128.load32_splat(a0, 4);
        c0 = f32x4.add(c0, f32x4.mul(x, b0));
        c1 = f32x4.add(c1, f32x4.mul(x, b1));
        x = v128.load32_splat(a1, 4);
        c2 = f32x4.add(c2, f32x4.mul(x, b0));
        c3 = f32x4.add(c3, f32x4.mul(x, b1));
        x = v128.load32_splat(a2, 4);
        c4 = f32x4.add(c4, f32x4.mul(x, b0));
        c5 = f32x4.add(c5, f32x4.mul(x, b1));
        x = v128.load32_splat(a3, 4);
        c6 = f32x4.add(c6, f32x4.mul(x, b0));
        c7 = f32x4.add(c7, f32x4.mul(x, b1));
        x = v128.load32_splat(a4, 4);
        c8 = f32x4.add(c8, f32x4.mul(x, b0));
        c9 = f32x4.add(c9, f32x4.mul(x, b1));
        x = v128.load32_splat(a5, 4);
        c10 = f32x4.add(c10, f32x4.mul(x, b0));
        c11 = f32x4.add(c11, f32x4.mul(x, b1));
        b0 = v128.load(b, 64);
        b1 = v128.load(b, 80);
        x = v128.load32_splat(a0, 8);
        c0 = f32x4.add(c0, f32x4.mul(x, b0));
        c1 = f32x4.add(c1, f32x4.mul(x, b1));
        x = v128.load32_splat(a1, 8);
        c2 = f32x4.add(c2, f32x4.mul(x, b0));
        c3 = f32x4.add(c3, f32x4.mul(x, b1));
        x = v128.load32_splat(a2, 8);
        c4 = f32x4.add(c4, f32x4.mul(x, b0));
        c5 = f32x4.add(c5, f32x4.mul(x, b1));
        x = v128.load32_splat(a3, 8);
        c6 = f32x4.add(c6, f32x4.mul(x, b0));
        c7 = f32x4.add(c7, f32x4.mul(x, b1));
        x = v128.load32_splat(a4, 8);
        c8 = f32x4.add(c8, f32x4.mul(x, b0));
        c9 = f32x4.add(c9, f32x4.mul(x, b1));
        x = v128.load32_splat(a5, 8);
        c10 = f32x4.add(c10, f32x4.mul(x, b0));
        c11 = f32x4.add(c11, f32x4.mul(x, b1));
        b0 = v128.load(b, 96);
        b1 = v128.load(b, 112);
        x = v128.load32_splat(a0, 12);
        c0 = f32x4.add(c0, f32x4.mul(x, b0));
        c1 = f32x4.add(c1, f32x4.mul(x, b1));
        x = v128.load32_splat(a1, 12);
        c2 = f32x4.add(c2, f32x4.mul(x, b0));
        c3 = f32x4.add(c3, f32x4.mul(x, b1));
        x = v128.load32_splat(a2, 12);
        c4 = f32x4.add(c4, f32x4.mul(x, b0));
        c5 = f32x4.add(c5, f32x4.mul(x, b1));
        x = v128.load32_splat(a3, 12);
        c6 = f32x4.add(c6, f32x4.mul(x, b0));
        c7 = f32x4.add(c7, f32x4.mul(x, b1));
        x = v128.load32_splat(a4, 12);
        c8 = f32x4.add(c8, f32x4.mul(x, b0));
        c9 = f32x4.add(c9, f32x4.mul(x, b1));
        x = v128.load32_splat(a5, 12);
        c10 = f32x4.add(c10, f32x4.mul(x, b0));
        c11 = f32x4.add(c11, f32x4.mul(x, b1));
        b += 128;
        a0 += 16;
        a1 += 16;
        a2 += 16;
        a3 += 16;
        a4 += 16;
        a5 += 16;
      }
      if (add) {
        v128.store(to, f32x4.add(v128.load(to), c0));
        v128.store(to, f32x4.add(v128.load(to, 16), c1), 16);
        to += cStep;
        v128.store(to, f32x4.add(v128.load(to), c2));
        v128.store(to, f32x4.add(v128.load(to, 16), c3), 16);
        to += cStep;
        v128.store(to, f32x4.add(v128.load(to), c4));
        v128.store(to, f32x4.add(v128.load(to, 16), c5), 16);
        to += cStep;
        v128.store(to, f32x4.add(v128.load(to), c6));
        v128.store(to, f32x4.add(v128.load(to, 16), c7), 16);
        to += cStep;
        v128.store(to, f32x4.add(v128.load(to), c8));
        v128.store(to, f32x4.add(v128.load(to, 16), c9), 16);
        to += cStep;
        v128.store(to, f32x4.add(v128.load(to), c10));
        v128.store(to, f32x4.add(v128.load(to, 16), c11), 16);
      } else {
        v128.store(to, c0);
        v128.store(to, c1, 16);
        to += cStep;
        v128.store(to, c2);
        v128.store(to, c3, 16);
        to += cStep;
        v128.store(to, c4);
        v128.store(to, c5, 16);
        to += cStep;
        v128.store(to, c6);
        v128.store(to, c7, 16);
        to += cStep;
        v128.store(to, c8);
        v128.store(to, c9, 16);
        to += cStep;
        v128.store(to, c10);
        v128.store(to, c11, 16);
      }
      to += cStep;
      from += 6 * aStep;
    }
    add = true;
  }
}
