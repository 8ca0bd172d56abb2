// The one-dimensional transforms of Winograd F(2, 3), applied to columns and then to rows, for the points 0, 1, -1 and infinity: sums, and
// halves in those of the weights, so that hardly a digit is lost.

// A row or column of inputs or frequencies, and of outputs.
struct Patch { a: vec4f, b: vec4f, c: vec4f, d: vec4f }
struct Outputs { a: vec4f, b: vec4f }

// B^T
fn input_transform(x: Patch) -> Patch {
  return Patch(x.a - x.c, x.b + x.c, x.c - x.b, x.b - x.d);
}

// G
fn weight_transform(a: vec4f, b: vec4f, c: vec4f) -> Patch {
  let ends = a + c;
  return Patch(a, 0.5 * (ends + b), 0.5 * (ends - b), c);
}

// A^T
fn output_transform(x: Patch) -> Outputs {
  return Outputs(x.a + (x.b + x.c), x.b - x.c - x.d);
}
