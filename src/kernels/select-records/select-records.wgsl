// The records of 16 values whose second value is above a threshold, in their order, then zeros. A record's first value becomes its
// number; a record with the count of those selected stands before all others. First pass (PASS 0): the count of every chunk of 64 records;
// second pass: every chunk knows from the counts where its records go. One invocation for each chunk; nothing depends on the order in
// which they run. The constant PASS stands before.

struct Uniforms {
  records: u32,
}

@group(0) @binding(0) var<storage, read> records: array<vec4f>;
@group(0) @binding(1) var<storage, read> threshold: array<f32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> selected: array<vec4f>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let chunk = id.x;
  let first = chunk * 64u;
  if (first >= uniforms.records) {
    return;
  }
  let end = min(first + 64u, uniforms.records);
  if (PASS == 0u) {
    var count = 0u;
    for (var i = first; i < end; i++) {
      count += select(0u, 1u, records[i * 4u].y > threshold[0]);
    }
    counts[chunk] = count;
    return;
  }

  var before = 0u;
  var total = 0u;
  for (var i = 0u; i < (uniforms.records + 63u) / 64u; i++) {
    before += select(0u, counts[i], i < chunk);
    total += counts[i];
  }
  if (chunk == 0u) {
    selected[0] = vec4f(f32(total), 0.0, 0.0, 0.0);
    selected[1] = vec4f(0.0);
    selected[2] = vec4f(0.0);
    selected[3] = vec4f(0.0);
  }
  // Where the next record that is selected goes, and the next that is not.
  var next = 1u + before;
  var rest = 1u + total + first - before;
  for (var i = first; i < end; i++) {
    var head = records[i * 4u];
    if (head.y > threshold[0]) {
      head.x = f32(i);
      selected[next * 4u] = head;
      for (var k = 1u; k < 4u; k++) {
        selected[next * 4u + k] = records[i * 4u + k];
      }
      next++;
    } else {
      for (var k = 0u; k < 4u; k++) {
        selected[rest * 4u + k] = vec4f(0.0);
      }
      rest++;
    }
  }
}
