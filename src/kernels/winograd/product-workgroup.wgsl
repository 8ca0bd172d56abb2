// Winograd, second step on GPUs: m = v u for each frequency; the operands of what workgroup-tile.ts prints, which stands behind;
// TILE_PIXELS and TILE_CHANNELS stand before. Rows are tiles, batches frequencies. Layouts as in the register product of winograd.webgpu.ts: v [frequencies][tiles /
// TILE_PIXELS][groups][TILE_PIXELS] vec4, u [frequencies][channels / TILE_CHANNELS][groups][4][TILE_CHANNELS / 4] vec4, m [frequencies][tiles][m_groups] vec4.

struct Uniforms {
  groups: u32,       // vec4 of inputs
  tiles: u32,        // of a strip, rounded up
  m_groups: u32,     // vec4 of outputs, rounded up to whole tiles of channels
  size: u32,         // of filters: 1
  column_tiles: u32, // of outputs
}

@group(0) @binding(0) var<storage, read> v: array<vec4f>;
@group(0) @binding(1) var<storage, read> u: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

struct Row { valid: bool, start: u32 }

fn locate(tile: u32, batch: u32) -> Row {
  let block = (batch * uniforms.tiles + tile) / TILE_PIXELS;
  return Row(tile < uniforms.tiles, block * uniforms.groups * TILE_PIXELS + tile % TILE_PIXELS);
}

fn load_input(row: Row, ky: u32, kx: u32, group: u32) -> vec4f {
  if (!row.valid) {
    return vec4f(0.0);
  }
  return v[row.start + group * TILE_PIXELS];
}

fn load_weights(column: u32, batch: u32, tap: u32, group: u32) -> vec4f {
  if (column >= uniforms.m_groups * 4u) {
    return vec4f(0.0);
  }
  let block = (batch * uniforms.m_groups * 4u + column) / TILE_CHANNELS;
  let place = column % 4u * (TILE_CHANNELS / 4u) + column % TILE_CHANNELS / 4u;
  return u[(block * uniforms.groups + group) * TILE_CHANNELS + place];
}

fn store(tile: u32, batch: u32, group: u32, sum: vec4f) {
  if (tile < uniforms.tiles && group < uniforms.m_groups) {
    m[(batch * uniforms.tiles + tile) * uniforms.m_groups + group] = sum;
  }
}
