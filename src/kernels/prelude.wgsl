// Stands before every shader, after one of two lines that the device chooses by precision:
//   alias Store = f32;                    alias Store4 = vec4<f32>;
//   enable f16; alias Store = f16;        alias Store4 = vec4<f16>;
// Kernels read `vec4f(x[i])` and write `Store4(value)`.

fn swish(x: vec4f) -> vec4f {
  return x / (vec4f(1.0) + exp(-x));
}
