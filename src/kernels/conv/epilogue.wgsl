// What follows the sums of a convolution: y = residual + alpha * activation(sum + bias). The constant ACTIVATION, an index into
// ACTIVATIONS of conv.ts, stands before: the branches are many times inlined, and compiling those that are not taken costs more than
// another variant.

fn activate(value: vec4f, slope: f32) -> vec4f {
  switch ACTIVATION {
    case 1: { return select(value * slope, value, value > vec4f(0.0)); }
    case 2: { return gelu(value); }
    case 3: { return swish(value); }
    default: { return value; }
  }
}
