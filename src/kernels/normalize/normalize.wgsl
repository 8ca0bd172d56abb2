// y = act(x * scale + shift) with one scale and shift for each picture and channel: what group norm comes down to once its
// statistics are folded. One invocation for each vec4 of channels of a pixel; x is read once, y written once.

struct Uniforms {
  pixels: u32,   // of one picture
  count: u32,    // pixels of all pictures times groups
  groups: u32,   // vec4 of channels
  x_stride: u32, // in vec4, as all strides and offsets
  x_offset: u32,
  y_stride: u32,
  y_offset: u32,
}
override SWISH: bool;

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> shift: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let pixel = index / uniforms.groups;
  let c = index % uniforms.groups;
  let affine = pixel / uniforms.pixels * uniforms.groups + c;
  var value = fma(vec4f(x[pixel * uniforms.x_stride + uniforms.x_offset + c]), scale[affine], shift[affine]);
  if (SWISH) {
    value = swish(value);
  }
  y[pixel * uniforms.y_stride + uniforms.y_offset + c] = Store4(value);
}
