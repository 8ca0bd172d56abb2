// scores[i, j] = q_i . k_j * scale for every head. One invocation for 4 queries and 4 keys, 16 sums in registers, neighbours along keys.
// Columns that pad the keys to a multiple of 4 get a score that softmax turns to zero.

override TOKENS: u32;
override TILES: u32;         // TOKENS / 4, rounded up: vec4 of a row of scores, and tiles of queries
override HEADS: u32;
override DIM: u32;           // vec4 of a head
override COUNT: u32;         // batch items times HEADS times TILES times TILES
override SCALE: f32;
override Q_STRIDE: u32;      // in vec4, as all strides and offsets
override Q_OFFSET: u32;
override K_STRIDE: u32;
override K_OFFSET: u32;

@group(0) @binding(0) var<storage, read> q: array<Store4>;
@group(0) @binding(1) var<storage, read> k: array<Store4>;
@group(0) @binding(2) var<storage, read_write> scores: array<vec4f>;  // [n, HEADS, TOKENS, TILES]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let tile = index % TILES;
  let query = index / TILES % TILES * 4u;
  let head = index / (TILES * TILES);  // of all batch items
  let n = head / HEADS;
  let from_q = Q_OFFSET + head % HEADS * DIM;
  let from_k = K_OFFSET + head % HEADS * DIM;
  // Rows past the end repeat the last one.
  let token_q = n * TOKENS + min(query + vec4u(0u, 1u, 2u, 3u), vec4u(TOKENS - 1u));
  let token_k = n * TOKENS + min(tile * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(TOKENS - 1u));
  let row_q = token_q * Q_STRIDE + from_q;
  let row_k = token_k * K_STRIDE + from_k;

  var s0 = vec4f(0.0);
  var s1 = vec4f(0.0);
  var s2 = vec4f(0.0);
  var s3 = vec4f(0.0);
  for (var d = 0u; d < DIM; d++) {
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

  let inside = tile * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(TOKENS);
  let none = vec4f(-3e38);
  let at = (head * TOKENS + query) * TILES + tile;
  scores[at] = select(none, s0 * SCALE, inside);
  if (query + 1u < TOKENS) {
    scores[at + TILES] = select(none, s1 * SCALE, inside);
  }
  if (query + 2u < TOKENS) {
    scores[at + 2u * TILES] = select(none, s2 * SCALE, inside);
  }
  if (query + 3u < TOKENS) {
    scores[at + 3u * TILES] = select(none, s3 * SCALE, inside);
  }
}
