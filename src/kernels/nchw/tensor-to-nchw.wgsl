// A tensor to planes of float32, [n, c, h, w]. One invocation for each pixel and vec4 of channels, neighbours along pixels.

struct Uniforms {
  pixels: u32,   // of one picture
  channels: u32,
  groups: u32,   // vec4 of channels
  count: u32,    // pictures times groups times pixels
  x_stride: u32, // in vec4
  x_offset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read_write> planes: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let pixel = index % uniforms.pixels;
  let group = index / uniforms.pixels % uniforms.groups;
  let n = index / (uniforms.pixels * uniforms.groups);
  let value = vec4f(x[(n * uniforms.pixels + pixel) * uniforms.x_stride + uniforms.x_offset + group]);
  for (var i = 0u; i < min(4u, uniforms.channels - group * 4u); i++) {
    planes[(n * uniforms.channels + group * 4u + i) * uniforms.pixels + pixel] = value[i];
  }
}
