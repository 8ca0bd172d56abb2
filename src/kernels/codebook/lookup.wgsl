// y[token] = codebook[index of token]. One invocation for each vec4 of a token, neighbours along channels.

override CODES: u32;
override GROUPS: u32;        // vec4 of channels
override COUNT: u32;         // tokens of all batch items times GROUPS
override Y_STRIDE: u32;      // in vec4
override Y_OFFSET: u32;

@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read> codebook: array<vec4f>;  // [CODES, GROUPS]
@group(0) @binding(2) var<storage, read_write> y: array<Store4>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let token = index / GROUPS;
  let c = index % GROUPS;
  // Indices may come from a caller; none may reach past the codebook.
  let entry = u32(clamp(indices[token], 0, i32(CODES) - 1));
  y[token * Y_STRIDE + Y_OFFSET + c] = Store4(codebook[entry * GROUPS + c]);
}
