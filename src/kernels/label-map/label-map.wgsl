// The index of the largest logit of every pixel, the lowest on a tie, as a byte. One invocation for four pixels, a word of labels.

struct Uniforms {
  classes: u32,
  pixels: u32,   // of all pictures
  x_stride: u32, // in vec4
  x_offset: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> labels: array<u32>; // four to a word, the first in the low byte
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let word = linear_index(id, groups);
  if (word * 4u >= uniforms.pixels) {
    return;
  }
  var four = 0u;
  for (var i = 0u; i < min(4u, uniforms.pixels - word * 4u); i++) {
    let start = (word * 4u + i) * uniforms.x_stride + uniforms.x_offset;
    var label = 0u;
    var largest = logits[start].x;
    for (var c = 1u; c < uniforms.classes; c++) {
      let value = logits[start + c / 4u][c % 4u];
      label = select(label, c, value > largest);
      largest = max(largest, value);
    }
    four |= label << (8u * i);
  }
  labels[word] = four;
}
