// Stands before every shader, after one of two lines that the device chooses by precision:
//   alias Store = f32;                    alias Store4 = vec4<f32>;
//   enable f16; alias Store = f16;        alias Store4 = vec4<f16>;
// Kernels read `vec4f(x[i])` and write `Store4(value)`.

// The invocation's place in a row of workgroups of 64 that `linearGrid` has broken into several.
fn linear_index(id: vec3u, groups: vec3u) -> u32 {
  return id.x + id.y * groups.x * 64u;
}

// e^x within 1.3e-7 of it. The built-in may be off by 1e-6, always to the same side, and softmax, swish and attention hand such an
// error on until codes flip. With x = k ln 2 + r the polynomial only sees |r| <= 0.35; ln 2 is split so that k times its upper
// part is exact. The coefficients are those of the Taylor series, fitted to that range.
fn exact_exp(x: vec4f) -> vec4f {
  let clamped = clamp(x, vec4f(-87.0), vec4f(88.0));
  let k = round(clamped * 1.44269504);
  let r = fma(k, vec4f(-1.42860677e-6), fma(k, vec4f(-0.693145752), clamped));
  var p = vec4f(1.98756915e-4);
  p = fma(p, r, vec4f(1.39819995e-3));
  p = fma(p, r, vec4f(8.33345191e-3));
  p = fma(p, r, vec4f(4.16657959e-2));
  p = fma(p, r, vec4f(1.66666655e-1));
  p = fma(p, r, vec4f(5.00000012e-1));
  return ldexp(fma(p, r * r, r) + 1.0, vec4i(k));
}

fn swish(x: vec4f) -> vec4f {
  return x / (vec4f(1.0) + exact_exp(-x));
}

// x times the normal distribution function, which is half of erfc(-x / sqrt 2): Abramowitz and Stegun 7.1.26, off by less than 1.5e-7.
fn gelu(x: vec4f) -> vec4f {
  let z = abs(x) * 0.70710678;
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * poly * exact_exp(-z * z);
  return x * select(tail, 1.0 - tail, x > vec4f(0.0));
}
