// Softmax of every row of scores, in place. LANES invocations for each row (see rows-*.wgsl).

struct Uniforms {
  rows: u32,  // batch items times heads times tokens
  tiles: u32, // vec4 of a row
}

@group(0) @binding(0) var<storage, read_write> scores: array<vec4f>;  // [rows, tiles]
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  let lane = index % LANES;
  // Surplus invocations read the last row up to the end, because barriers want them all; they write nothing.
  let inside = index / LANES < uniforms.rows;
  let row = min(index / LANES, uniforms.rows - 1u) * uniforms.tiles;

  var largest = scores[row];
  for (var i = lane; i < uniforms.tiles; i += LANES) {
    largest = max(largest, scores[row + i]);
  }
  let top = row_max(lane, max(max(largest.x, largest.y), max(largest.z, largest.w)));

  var sums = vec4f(0.0);
  for (var i = lane; i < uniforms.tiles; i += LANES) {
    let e = exact_exp(scores[row + i] - top);
    sums += e;
    if (inside) {
      scores[row + i] = e;
    }
  }
  let factor = 1.0 / row_sum(lane, sums.x + sums.y + sums.z + sums.w);
  if (inside) {
    for (var i = lane; i < uniforms.tiles; i += LANES) {
      scores[row + i] *= factor;
    }
  }
}
