// The largest magnitude of a tensor. Bits of floats without their sign are in the order of the floats, and behind them come infinity
// and what is no number.

struct Uniforms {
  values: u32,   // vec4, of all pixels
  groups: u32,   // vec4 of a pixel
  step: u32,     // from one vec4 of an invocation to the next
  x_stride: u32, // in vec4
  x_offset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read_write> peak: array<atomic<u32>>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let first = linear_index(id, groups);
  if (first >= uniforms.step) {
    return;
  }
  var largest = vec4u(0u);
  for (var i = first; i < uniforms.values; i += uniforms.step) {
    let value = vec4f(x[i / uniforms.groups * uniforms.x_stride + uniforms.x_offset + i % uniforms.groups]);
    largest = max(largest, bitcast<vec4u>(value) & vec4u(0x7fffffffu));
  }
  atomicMax(&peak[0], max(max(largest.x, largest.y), max(largest.z, largest.w)));
}
