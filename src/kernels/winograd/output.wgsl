// Winograd, last step: y = A^T m A of every tile m of the strip, then bias, activation and residual.
//
// m: [frequencies][tiles of the strip][m_groups] vec4. y: pictures as laid out. One invocation for each tile and vec4 of output channels,
// neighbours in channels; a load for each frequency, up to SIDE x SIDE stores. The transforms, SIDE and the epilogue stand before, the
// rows of a tile behind.

struct Uniforms {
  picture: u32,         // of the strip
  row: u32,             // that the strip starts with
  rows: u32,            // of a strip
  tile_columns: u32,    // of a picture
  tiles: u32,           // of a strip, rounded up
  height: u32,          // of a picture
  width: u32,
  out_groups: u32,      // vec4 of channels
  m_groups: u32,        // as many, rounded up to whole tiles of channels
  y_stride: u32,        // in vec4, as all strides and offsets
  y_offset: u32,
  residual: u32,        // whether there is one
  residual_stride: u32,
  residual_offset: u32,
  bias: u32,            // as residual
  slope: f32,           // of negative values
  alpha: f32,           // of what is added to the residual
}

@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read> bias: array<vec4f>;
@group(0) @binding(2) var<storage, read> residual: array<Store4>;
@group(0) @binding(3) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

// Where the tile's output starts, and what its channels have in common.
struct Target { pixel: u32, columns: u32, c: u32, bias: vec4f }

fn store(to: Target, i: u32, sum: vec4f) {
  if (i >= to.columns) {
    return;
  }
  let pixel = to.pixel + i;
  var value = activate(sum + to.bias, uniforms.slope);
  if (uniforms.residual != 0u) {
    value = vec4f(residual[pixel * uniforms.residual_stride + uniforms.residual_offset + to.c]) + uniforms.alpha * value;
  }
  y[pixel * uniforms.y_stride + uniforms.y_offset + to.c] = Store4(value);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let tile = index / uniforms.out_groups;
  let c = index - tile * uniforms.out_groups;
  let tile_row = tile / uniforms.tile_columns;
  let row = uniforms.row + tile_row * SIDE;
  if (tile_row >= uniforms.rows / SIDE || row >= uniforms.height) {
    return;
  }
  let start = tile * uniforms.m_groups + c;
  let step = uniforms.tiles * uniforms.m_groups;
  let column = (tile - tile_row * uniforms.tile_columns) * SIDE;
  var to = Target((uniforms.picture * uniforms.height + row) * uniforms.width + column, uniforms.width - column, c, vec4f(0.0));
  if (uniforms.bias != 0u) {
    to.bias = bias[c];
  }
  store_tile(to, row, start, step);
}
