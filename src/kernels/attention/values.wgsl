// y_i = sum over j of weights[i, j] v_j for every head. One invocation for 4 queries and a vec4 of the head, neighbours along the head.

struct Uniforms {
  tokens: u32,
  tiles: u32,    // tokens / 4, rounded up: vec4 of a row of weights, and tiles of queries
  heads: u32,
  dim: u32,      // vec4 of a head
  count: u32,    // batch items times tiles times heads times dim
  v_stride: u32, // in vec4, as all strides and offsets
  v_offset: u32,
  y_stride: u32,
  y_offset: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<vec4f>;  // [n, heads, tokens, tiles], zero in the padding
@group(0) @binding(1) var<storage, read> v: array<Store4>;
@group(0) @binding(2) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let channel = index % (uniforms.heads * uniforms.dim);
  let tile = index / (uniforms.heads * uniforms.dim);
  let n = tile / uniforms.tiles;
  let query = tile % uniforms.tiles * 4u;
  let last = uniforms.tokens - 1u;
  // Rows past the end repeat the last one.
  let row = (n * uniforms.heads + channel / uniforms.dim) * uniforms.tokens;
  let row_w = (row + min(query + vec4u(0u, 1u, 2u, 3u), vec4u(last))) * uniforms.tiles;
  let base = n * uniforms.tokens * uniforms.v_stride + uniforms.v_offset + channel;

  var y0 = vec4f(0.0);
  var y1 = vec4f(0.0);
  var y2 = vec4f(0.0);
  var y3 = vec4f(0.0);
  for (var j = 0u; j < uniforms.tiles; j++) {
    let row_v = base + min(j * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(last)) * uniforms.v_stride;
    let v0 = vec4f(v[row_v.x]);
    let v1 = vec4f(v[row_v.y]);
    let v2 = vec4f(v[row_v.z]);
    let v3 = vec4f(v[row_v.w]);
    let w0 = weights[row_w.x + j];
    let w1 = weights[row_w.y + j];
    let w2 = weights[row_w.z + j];
    let w3 = weights[row_w.w + j];
    y0 = fma(vec4f(w0.x), v0, fma(vec4f(w0.y), v1, fma(vec4f(w0.z), v2, fma(vec4f(w0.w), v3, y0))));
    y1 = fma(vec4f(w1.x), v0, fma(vec4f(w1.y), v1, fma(vec4f(w1.z), v2, fma(vec4f(w1.w), v3, y1))));
    y2 = fma(vec4f(w2.x), v0, fma(vec4f(w2.y), v1, fma(vec4f(w2.z), v2, fma(vec4f(w2.w), v3, y2))));
    y3 = fma(vec4f(w3.x), v0, fma(vec4f(w3.y), v1, fma(vec4f(w3.z), v2, fma(vec4f(w3.w), v3, y3))));
  }

  let at = (n * uniforms.tokens + query) * uniforms.y_stride + uniforms.y_offset + channel;
  y[at] = Store4(y0);
  if (query + 1u < uniforms.tokens) {
    y[at + uniforms.y_stride] = Store4(y1);
  }
  if (query + 2u < uniforms.tokens) {
    y[at + 2u * uniforms.y_stride] = Store4(y2);
  }
  if (query + 3u < uniforms.tokens) {
    y[at + 3u * uniforms.y_stride] = Store4(y3);
  }
}
