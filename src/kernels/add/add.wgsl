// y = rectify(a + alpha * b), b enlarged to the size of a by repeating its pixels. One invocation for each vec4 of channels of a pixel.

struct Uniforms {
  pixels: u32,   // of all pictures
  groups: u32,   // vec4 of channels
  height: u32,
  width: u32,
  b_height: u32,
  b_width: u32,
  a_stride: u32, // in vec4, as all strides and offsets
  a_offset: u32,
  b_stride: u32,
  b_offset: u32,
  y_stride: u32,
  y_offset: u32,
  alpha: f32,
  slope: f32,    // of negative sums
}

@group(0) @binding(0) var<storage, read> a: array<Store4>;
@group(0) @binding(1) var<storage, read> b: array<Store4>;
@group(0) @binding(2) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let c = index % uniforms.groups;
  let pixel = index / uniforms.groups;
  if (pixel >= uniforms.pixels) {
    return;
  }
  let column = pixel % uniforms.width;
  let row = pixel / uniforms.width % uniforms.height;
  let n = pixel / uniforms.width / uniforms.height;
  let b_row = n * uniforms.b_height + row * uniforms.b_height / uniforms.height;
  let b_pixel = b_row * uniforms.b_width + column * uniforms.b_width / uniforms.width;
  let value = vec4f(a[pixel * uniforms.a_stride + uniforms.a_offset + c])
    + uniforms.alpha * vec4f(b[b_pixel * uniforms.b_stride + uniforms.b_offset + c]);
  y[pixel * uniforms.y_stride + uniforms.y_offset + c] = Store4(select(value * uniforms.slope, value, value > vec4f(0.0)));
}
