// A mask from a map of labels: y = values[label], zero for labels without a value. One invocation for four pixels, a word of labels.
// GAP: a second plane holds what the mask lacks of 1.

override GAP: bool;

struct Uniforms {
  pixels: u32,
  labels: u32, // that have a value
}

@group(0) @binding(0) var<storage, read> labels: array<u32>; // four to a word, the first in the low byte
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let word = linear_index(id, groups);
  if (word * 4u >= uniforms.pixels) {
    return;
  }
  let four = labels[word];
  for (var i = 0u; i < min(4u, uniforms.pixels - word * 4u); i++) {
    let label = (four >> (8u * i)) & 255u;
    let value = select(0.0, values[min(label, uniforms.labels - 1u)], label < uniforms.labels);
    y[word * 4u + i] = value;
    if (GAP) {
      y[uniforms.pixels + word * 4u + i] = 1.0 - value;
    }
  }
}
