// Winograd F(4x4, 3x3), weights: U = G g G^T of every 3x3 filter g.
//
// weights: packed [out / 8][9][groups][4][2] vec4. u: [36][channels / TILE_CHANNELS][groups][4][TILE_CHANNELS / 4] vec4, f32, with
// channels i, i + 4 and so on of a tile beside each other. One invocation for each vec4 of inputs of an output channel. TILE_CHANNELS and
// the transforms stand before.

struct Uniforms {
  groups: u32,   // vec4 of inputs
  blocks: u32,   // of packed weights
  m_groups: u32, // vec4 of outputs, rounded up to whole tiles of channels
}

@group(0) @binding(0) var<storage, read> weights: array<Store4>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn store_row(index: u32, step: u32, a: vec4f, b: vec4f, c: vec4f) {
  let row = weight_transform(a, b, c);
  u[index] = row.a;
  u[index + step] = row.b;
  u[index + 2u * step] = row.c;
  u[index + 3u * step] = row.d;
  u[index + 4u * step] = row.e;
  u[index + 5u * step] = row.f;
}

fn filter_column(start: u32, tap: u32, step: u32) -> Six {
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
  store_row(to, step, c0.a, c1.a, c2.a);
  store_row(to + 6u * step, step, c0.b, c1.b, c2.b);
  store_row(to + 12u * step, step, c0.c, c1.c, c2.c);
  store_row(to + 18u * step, step, c0.d, c1.d, c2.d);
  store_row(to + 24u * step, step, c0.e, c1.e, c2.e);
  store_row(to + 30u * step, step, c0.f, c1.f, c2.f);
}
