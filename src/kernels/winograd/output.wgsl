// Winograd F(4x4, 3x3), last step: y = A^T m A of every tile m of the strip, then bias, activation and residual.
//
// m: [36][tiles of the strip][m_groups] vec4. y: pictures as laid out. One invocation for each tile and vec4 of output channels,
// neighbours in channels; 36 loads, up to 16 stores. The transforms and the epilogue stand before.

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

fn tile_column(index: u32, step: u32) -> Four {
  let row_step = 6u * step;
  return output_transform(Six(
    m[index], m[index + row_step], m[index + 2u * row_step],
    m[index + 3u * row_step], m[index + 4u * row_step], m[index + 5u * row_step],
  ));
}

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

fn store_row(to: Target, columns: Six) {
  let values = output_transform(columns);
  store(to, 0u, values.a);
  store(to, 1u, values.b);
  store(to, 2u, values.c);
  store(to, 3u, values.d);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let tile = index / uniforms.out_groups;
  let c = index - tile * uniforms.out_groups;
  let tile_row = tile / uniforms.tile_columns;
  let row = uniforms.row + tile_row * 4u;
  if (tile_row >= uniforms.rows / 4u || row >= uniforms.height) {
    return;
  }
  let start = tile * uniforms.m_groups + c;
  let step = uniforms.tiles * uniforms.m_groups;
  let c0 = tile_column(start, step);
  let c1 = tile_column(start + step, step);
  let c2 = tile_column(start + 2u * step, step);
  let c3 = tile_column(start + 3u * step, step);
  let c4 = tile_column(start + 4u * step, step);
  let c5 = tile_column(start + 5u * step, step);
  let column = (tile - tile_row * uniforms.tile_columns) * 4u;
  var to = Target((uniforms.picture * uniforms.height + row) * uniforms.width + column, uniforms.width - column, c, vec4f(0.0));
  if (uniforms.bias != 0u) {
    to.bias = bias[c];
  }
  store_row(to, Six(c0.a, c1.a, c2.a, c3.a, c4.a, c5.a));
  to.pixel += uniforms.width;
  if (row + 1u < uniforms.height) {
    store_row(to, Six(c0.b, c1.b, c2.b, c3.b, c4.b, c5.b));
  }
  to.pixel += uniforms.width;
  if (row + 2u < uniforms.height) {
    store_row(to, Six(c0.c, c1.c, c2.c, c3.c, c4.c, c5.c));
  }
  to.pixel += uniforms.width;
  if (row + 3u < uniforms.height) {
    store_row(to, Six(c0.d, c1.d, c2.d, c3.d, c4.d, c5.d));
  }
}
