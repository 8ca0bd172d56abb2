// Partial sums of an f32 plane: each invocation adds up to LENGTH values in a fixed order. The few sums left are added on the CPU,
// in double precision.

override LENGTH: u32;

struct Uniforms {
  values: u32,
  sums: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.sums) {
    return;
  }
  // Neighbours read neighbouring values.
  var sum = 0.0;
  for (var i = 0u; i < LENGTH; i++) {
    let at = index + i * uniforms.sums;
    if (at < uniforms.values) {
      sum += x[at];
    }
  }
  sums[index] = sum;
}
