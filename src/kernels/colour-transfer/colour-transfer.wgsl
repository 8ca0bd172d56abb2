// A picture in grey with the mean and contrast of another: y = clamp(grey * factor + shift, 0, 255) for each of three channels, as
// f32 planes [3, pixels]. One invocation for each pixel. TONED: each channel by a curve over the grey that the first factor gives.

override TONED: bool;

struct Uniforms {
  pixels: u32,
  factor_r: f32,
  factor_g: f32,
  factor_b: f32,
  shift_r: f32,
  shift_g: f32,
  shift_b: f32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;      // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> curve: array<f32>;  // [3, 256], not read without TONED
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  let count = uniforms.pixels;
  if (index >= count) {
    return;
  }
  let colour = vec3f((vec3u(x[index]) >> vec3u(0u, 8u, 16u)) & vec3u(255u));
  let grey = colour.x * 0.2989 + colour.y * 0.587 + colour.z * 0.114;
  let factor = vec3f(uniforms.factor_r, uniforms.factor_g, uniforms.factor_b);
  let shift = vec3f(uniforms.shift_r, uniforms.shift_g, uniforms.shift_b);
  var value = clamp(grey * factor + shift, vec3f(0.0), vec3f(255.0));
  if (TONED) {
    let low = min(u32(value.x), 254u);
    let part = value.x - f32(low);
    let dark = vec3f(curve[low], curve[256u + low], curve[512u + low]);
    let bright = vec3f(curve[low + 1u], curve[257u + low], curve[513u + low]);
    value = dark + part * (bright - dark);
  }
  y[index] = value.x;
  y[count + index] = value.y;
  y[2u * count + index] = value.z;
}
