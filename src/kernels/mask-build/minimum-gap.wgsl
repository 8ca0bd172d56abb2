// The smaller of two masks, pixel by pixel, with a second plane of what it lacks of 1: a mask can lack far less than f32 can tell
// from 1, and truncation to 8 bits shows it. a, warped with its gap, is outside of its source where the coverage is not 1.

struct Uniforms {
  pixels: u32,
  full: f32,   // what b is where it is nearly 1
}

@group(0) @binding(0) var<storage, read> a: array<f32>; // mask, then gap
@group(0) @binding(1) var<storage, read> b: array<f32>; // mask
@group(0) @binding(2) var<storage, read> coverage: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // mask, then gap
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

/// Masks that are 1 but for the rounding of sums of weights.
const NEARLY_FULL = 2e-6;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  let count = uniforms.pixels;
  if (index >= count) {
    return;
  }
  let other = select(b[index], uniforms.full, abs(b[index] - 1.0) < NEARLY_FULL);
  y[index] = min(a[index], other);
  y[count + index] = max(a[count + index] + (1.0 - coverage[index]), 1.0 - other);
}
