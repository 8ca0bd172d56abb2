// The one-dimensional transforms of Winograd F(4, 3) with the points 0, 1, -1, 2, -2 and infinity (Lavin and Gray 2015); applied to
// columns and then to rows.

struct Six { a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f }
struct Four { a: vec4f, b: vec4f, c: vec4f, d: vec4f }

// B^T
fn input_transform(x: Six) -> Six {
  let even = x.e - 4.0 * x.c;
  let odd = x.d - 4.0 * x.b;
  let even2 = x.e - x.c;
  let odd2 = 2.0 * (x.d - x.b);
  return Six(4.0 * x.a - 5.0 * x.c + x.e, even + odd, even - odd, even2 + odd2, even2 - odd2, 4.0 * x.b - 5.0 * x.d + x.f);
}

// G
fn weight_transform(a: vec4f, b: vec4f, c: vec4f) -> Six {
  let ends = (a + c) * (-1.0 / 6.0);
  let middle = b * (1.0 / 6.0);
  let ends2 = a * (1.0 / 24.0) + c * (1.0 / 6.0);
  let middle2 = b * (1.0 / 12.0);
  return Six(0.25 * a, ends - middle, ends + middle, ends2 + middle2, ends2 - middle2, c);
}

// A^T
fn output_transform(x: Six) -> Four {
  let sum = x.b + x.c;
  let difference = x.b - x.c;
  let sum2 = x.d + x.e;
  let difference2 = x.d - x.e;
  return Four(
    x.a + sum + sum2,
    difference + 2.0 * difference2,
    sum + 4.0 * sum2,
    difference + 8.0 * difference2 + x.f,
  );
}
