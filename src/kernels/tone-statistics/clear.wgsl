// Zeroes, which sums begin with.

struct Uniforms {
  count: u32,
}

@group(0) @binding(0) var<storage, read_write> sums: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < uniforms.count) {
    sums[id.x] = 0u;
  }
}
