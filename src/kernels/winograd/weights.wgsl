// Winograd, weights: U = G g G^T of every 3x3 filter g.
//
// weights: packed [out / 8][9][groups][4][2] vec4. u: [frequencies][channels / TILE_CHANNELS][groups][4][TILE_CHANNELS / 4] vec4, f32, with
// channels i, i + 4 and so on of a tile beside each other. One invocation for each vec4 of inputs of an output channel. TILE_CHANNELS and
// the transforms stand before, the rows of U behind.

struct Uniforms {
  groups: u32,   // vec4 of inputs
  blocks: u32,   // of packed weights
  m_groups: u32, // vec4 of outputs, rounded up to whole tiles of channels
}

@group(0) @binding(0) var<storage, read> weights: array<Store4>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn filter_column(start: u32, tap: u32, step: u32) -> Patch {
  let first = start + tap * step;
  return weight_transform(vec4f(weights[first]), vec4f(weights[first + 3u * step]), vec4f(weights[first + 6u * step]));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let block_size = uniforms.groups * 8u;
  let block = index / block_size;
  if (block >= uniforms.blocks) {
    return;
  }
  let start = block * 9u * block_size + index % block_size;
  let c0 = filter_column(start, 0u, block_size);
  let c1 = filter_column(start, 1u, block_size);
  let c2 = filter_column(start, 2u, block_size);
  let output = block * 8u + index % 2u * 4u + index % 8u / 2u;
  let c = index % block_size / 8u;
  let lane = output % 4u;
  let to = ((output / TILE_CHANNELS * uniforms.groups + c) * 4u + lane) * (TILE_CHANNELS / 4u) + output % TILE_CHANNELS / 4u;
  let step = uniforms.m_groups * uniforms.groups * 4u;
  store_filter(to, step, c0, c1, c2);
}
