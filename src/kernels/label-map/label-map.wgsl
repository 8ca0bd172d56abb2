// The index of the largest logit of every pixel, the lowest on a tie, as a byte. One invocation for four pixels, a word of labels.

override CLASSES: u32;
override PIXELS: u32;        // of all pictures
override STRIDE: u32;        // in vec4
override OFFSET: u32;

@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> labels: array<u32>; // four to a word, the first in the low byte

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let word = id.x + id.y * groups.x * 64u;
  if (word * 4u >= PIXELS) {
    return;
  }
  var four = 0u;
  for (var i = 0u; i < min(4u, PIXELS - word * 4u); i++) {
    let start = (word * 4u + i) * STRIDE + OFFSET;
    var label = 0u;
    var largest = logits[start].x;
    for (var c = 1u; c < CLASSES; c++) {
      let value = logits[start + c / 4u][c % 4u];
      label = select(label, c, value > largest);
      largest = max(largest, value);
    }
    four |= label << (8u * i);
  }
  labels[word] = four;
}
