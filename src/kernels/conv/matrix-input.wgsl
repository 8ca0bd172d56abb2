// What a convolution reads, once for all of its taps: x * scale + shift, then swish where asked for, without gaps between pixels.

struct Uniforms {
  count: u32,    // vec4 of all pictures
  groups: u32,   // vec4 of channels
  pixels: u32,   // of a picture
  swish: u32,
  x_stride: u32, // in vec4
  x_offset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> shift: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> prepared: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  if (index >= uniforms.count) {
    return;
  }
  let pixel = index / uniforms.groups;
  let group = index - pixel * uniforms.groups;
  let vector = pixel / uniforms.pixels * uniforms.groups + group;
  var value = vec4f(x[pixel * uniforms.x_stride + uniforms.x_offset + group]) * scale[vector] + shift[vector];
  if (uniforms.swish != 0u) {
    value = swish(value);
  }
  prepared[index] = Store4(value);
}
