// What follows the sums of a convolution: y = residual + alpha * activation(sum + bias). The constant ACTIVATION stands before: 0 for a
// leaky rectifier, 1 for GELU, 2 for swish. The branches are inlined, and compiling those that are not taken costs more than another
// variant.

fn activate(value: vec4f, slope: f32) -> vec4f {
  switch ACTIVATION {
    case 1: { return gelu(value); }
    case 2: { return swish(value); }
    default: { return select(value * slope, value, value > vec4f(0.0)); }
  }
}
