// y[token] = codebook[index of token]. One invocation for each vec4 of a token, neighbours along channels.

struct Uniforms {
  codes: u32,
  groups: u32,   // vec4 of channels
  count: u32,    // tokens of all batch items times groups
  y_stride: u32, // in vec4
  y_offset: u32,
}

@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read> codebook: array<vec4f>;  // [codes, groups]
@group(0) @binding(2) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let token = index / uniforms.groups;
  let c = index % uniforms.groups;
  // Indices may come from a caller; none may reach past the codebook.
  let entry = u32(clamp(indices[token], 0, i32(uniforms.codes) - 1));
  y[token * uniforms.y_stride + uniforms.y_offset + c] = Store4(codebook[entry * uniforms.groups + c]);
}
