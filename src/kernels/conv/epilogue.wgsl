// What follows the sums of a convolution: y = residual + alpha * activation(sum + bias).

fn activate(value: vec4f, kind: u32, slope: f32) -> vec4f {
  switch kind {
    case 1u: { return select(value * slope, value, value > vec4f(0.0)); }
    case 2u: { return gelu(value); }
    case 3u: { return swish(value); }
    default: { return value; }
  }
}
