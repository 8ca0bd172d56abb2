// The index of the largest logit of every token, the lowest on a tie, and by how much it leads. One invocation for each token, which
// reads its logits once; nothing is shared.

struct Uniforms {
  codes: u32,
  tokens: u32,   // of all batch items
  x_stride: u32, // in vec4
  x_offset: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> margin: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

const LOWEST = -3.4028234e38;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let token = linear_index(id, groups);
  if (token >= uniforms.tokens) {
    return;
  }
  // Each component looks at every fourth code.
  let last = (uniforms.codes - 1u) / 4u;
  var at = vec4u(0u);
  var first = vec4f(LOWEST);
  var second = vec4f(LOWEST);
  for (var i = 0u; i <= last; i++) {
    var value = logits[token * uniforms.x_stride + uniforms.x_offset + i];
    if (i == last) {
      value = select(vec4f(LOWEST), value, last * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(uniforms.codes));
    }
    let better = value > first;
    second = select(max(second, value), first, better);
    first = select(first, value, better);
    at = select(at, vec4u(i), better);
  }

  at = at * 4u + vec4u(0u, 1u, 2u, 3u);
  var best = first.x;
  var runner_up = second.x;
  var index = at.x;
  for (var j = 1u; j < 4u; j++) {
    let better = first[j] > best || (first[j] == best && at[j] < index);
    runner_up = max(max(runner_up, second[j]), min(best, first[j]));
    index = select(index, at[j], better);
    best = max(best, first[j]);
  }
  indices[token] = i32(index);
  margin[token] = best - runner_up;
}
