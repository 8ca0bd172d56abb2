// The first three channels of a tensor to 8-bit RGBA: clamped to the range, (v + offset) * scale * 255, rounded half to even, alpha 255.
// One invocation for each pixel.

struct Uniforms {
  count: u32,    // pixels of all pictures
  lowest: f32,   // of the range; its end is 1
  offset: f32,
  scale: f32,
  x_stride: u32, // in vec4
  x_offset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read_write> picture: array<u32>;  // a pixel each, red in the lowest byte
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let value = clamp(vec3f(x[index * uniforms.x_stride + uniforms.x_offset].xyz), vec3f(uniforms.lowest), vec3f(1.0));
  let bytes = min(vec3u(round((value + uniforms.offset) * uniforms.scale * 255.0)), vec3u(255u));
  picture[index] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (255u << 24u);
}
