// Stands before every shader, after one of two lines that the device chooses by precision:
//   alias Store = f32;                    alias Store4 = vec4<f32>;
//   enable f16; alias Store = f16;        alias Store4 = vec4<f16>;
// Kernels read `vec4f(x[i])` and write `Store4(value)`.

fn swish(x: vec4f) -> vec4f {
  return x / (vec4f(1.0) + exp(-x));
}

// x times the normal distribution function, which is half of erfc(-x / sqrt 2): Abramowitz and Stegun 7.1.26, off by less than 1.5e-7.
fn gelu(x: vec4f) -> vec4f {
  let z = abs(x) * 0.70710678;
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * poly * exp(-z * z);
  return x * select(tail, 1.0 - tail, x > vec4f(0.0));
}
