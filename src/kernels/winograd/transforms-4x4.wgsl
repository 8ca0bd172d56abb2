// The one-dimensional transforms of Winograd F(4, 3) (Cook and Toom's algorithm), applied to columns and then to rows, for the points
// 0, A, -A, B, -B and infinity. The customary 1 and 2 lose twice as many digits as 5/8 and 3/2, whose powers are exact as well.

// A row or column of inputs or frequencies, and of outputs.
struct Patch { a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f }
struct Outputs { a: vec4f, b: vec4f, c: vec4f, d: vec4f }

const A = 0.625;
const B = 1.5;
const A2 = A * A;
const B2 = B * B;

// B^T
fn input_transform(x: Patch) -> Patch {
  let even = fma(x.c, vec4f(-B2), x.e);
  let odd = A * fma(x.b, vec4f(-B2), x.d);
  let even2 = fma(x.c, vec4f(-A2), x.e);
  let odd2 = B * fma(x.b, vec4f(-A2), x.d);
  return Patch(
    fma(x.a, vec4f(A2 * B2), fma(x.c, vec4f(-A2 - B2), x.e)),
    even + odd,
    even - odd,
    even2 + odd2,
    even2 - odd2,
    fma(x.b, vec4f(A2 * B2), fma(x.d, vec4f(-A2 - B2), x.f)),
  );
}

// G
fn weight_transform(a: vec4f, b: vec4f, c: vec4f) -> Patch {
  let ends = fma(c, vec4f(A2), a) * (1.0 / (2.0 * A2 * (A2 - B2)));
  let middle = b * (1.0 / (2.0 * A * (A2 - B2)));
  let ends2 = fma(c, vec4f(B2), a) * (1.0 / (2.0 * B2 * (B2 - A2)));
  let middle2 = b * (1.0 / (2.0 * B * (B2 - A2)));
  return Patch(a * (1.0 / (A2 * B2)), ends + middle, ends - middle, ends2 + middle2, ends2 - middle2, c);
}

// A^T
fn output_transform(x: Patch) -> Outputs {
  let sum = x.b + x.c;
  let difference = x.b - x.c;
  let sum2 = x.d + x.e;
  let difference2 = x.d - x.e;
  return Outputs(
    x.a + (sum + sum2),
    fma(difference, vec4f(A), B * difference2),
    fma(sum, vec4f(A2), B2 * sum2),
    fma(difference, vec4f(A2 * A), fma(difference2, vec4f(B2 * B), x.f)),
  );
}
