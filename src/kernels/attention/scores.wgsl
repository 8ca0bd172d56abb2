// scores[i, j] = q_i . k_j * scale for every head. One invocation for 4 queries and 4 keys, 16 sums in registers, neighbours along keys.
// Columns that pad the keys to a multiple of 4 get a score that softmax turns to zero.

struct Uniforms {
  tokens: u32,
  tiles: u32,    // tokens / 4, rounded up: vec4 of a row of scores, and tiles of queries
  heads: u32,
  dim: u32,      // vec4 of a head
  count: u32,    // batch items times heads times tiles times tiles
  scale: f32,
  q_stride: u32, // in vec4, as all strides and offsets
  q_offset: u32,
  k_stride: u32,
  k_offset: u32,
}

@group(0) @binding(0) var<storage, read> q: array<Store4>;
@group(0) @binding(1) var<storage, read> k: array<Store4>;
@group(0) @binding(2) var<storage, read_write> scores: array<vec4f>;  // [n, heads, tokens, tiles]
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let tile = index % uniforms.tiles;
  let query = index / uniforms.tiles % uniforms.tiles * 4u;
  let head = index / (uniforms.tiles * uniforms.tiles);  // of all batch items
  let n = head / uniforms.heads;
  let from_q = uniforms.q_offset + head % uniforms.heads * uniforms.dim;
  let from_k = uniforms.k_offset + head % uniforms.heads * uniforms.dim;
  // Rows past the end repeat the last one.
  let token_q = n * uniforms.tokens + min(query + vec4u(0u, 1u, 2u, 3u), vec4u(uniforms.tokens - 1u));
  let token_k = n * uniforms.tokens + min(tile * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(uniforms.tokens - 1u));
  let row_q = token_q * uniforms.q_stride + from_q;
  let row_k = token_k * uniforms.k_stride + from_k;

  var s0 = vec4f(0.0);
  var s1 = vec4f(0.0);
  var s2 = vec4f(0.0);
  var s3 = vec4f(0.0);
  for (var d = 0u; d < uniforms.dim; d++) {
    // One vec4 for each component of the head, over the keys.
    let keys = transpose(mat4x4f(
      vec4f(k[row_k.x + d]), vec4f(k[row_k.y + d]), vec4f(k[row_k.z + d]), vec4f(k[row_k.w + d])));
    let q0 = vec4f(q[row_q.x + d]);
    let q1 = vec4f(q[row_q.y + d]);
    let q2 = vec4f(q[row_q.z + d]);
    let q3 = vec4f(q[row_q.w + d]);
    s0 = fma(vec4f(q0.x), keys[0], fma(vec4f(q0.y), keys[1], fma(vec4f(q0.z), keys[2], fma(vec4f(q0.w), keys[3], s0))));
    s1 = fma(vec4f(q1.x), keys[0], fma(vec4f(q1.y), keys[1], fma(vec4f(q1.z), keys[2], fma(vec4f(q1.w), keys[3], s1))));
    s2 = fma(vec4f(q2.x), keys[0], fma(vec4f(q2.y), keys[1], fma(vec4f(q2.z), keys[2], fma(vec4f(q2.w), keys[3], s2))));
    s3 = fma(vec4f(q3.x), keys[0], fma(vec4f(q3.y), keys[1], fma(vec4f(q3.z), keys[2], fma(vec4f(q3.w), keys[3], s3))));
  }

  let inside = tile * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(uniforms.tokens);
  let none = vec4f(-3e38);
  let at = (head * uniforms.tokens + query) * uniforms.tiles + tile;
  scores[at] = select(none, s0 * uniforms.scale, inside);
  if (query + 1u < uniforms.tokens) {
    scores[at + uniforms.tiles] = select(none, s1 * uniforms.scale, inside);
  }
  if (query + 2u < uniforms.tokens) {
    scores[at + 2u * uniforms.tiles] = select(none, s2 * uniforms.scale, inside);
  }
  if (query + 3u < uniforms.tokens) {
    scores[at + 3u * uniforms.tiles] = select(none, s3 * uniforms.scale, inside);
  }
}
