// Winograd, first step: V = B^T d B of every patch d, a tile of SIDE x SIDE outputs and a pixel around it, for one strip of tiles.
//
// x: the rows of the strip as stage.wgsl leaves them (STAGED), or pictures as laid out, which are then read with upsampling and zero
// padding. v: [frequencies][tiles / TILE_PIXELS][groups][TILE_PIXELS] vec4. One invocation for each tile and vec4 of channels, neighbours in channels;
// a load and a store for each frequency. The transforms, SIDE, TILE_PIXELS, STAGED and Input4 stand before, what is done with a patch behind.

struct Uniforms {
  picture: u32,        // of the strip
  row: u32,            // of output that the strip starts with
  rows: u32,           // of output in a strip
  tile_rows: u32,      // tiles of a picture
  tile_columns: u32,
  tiles: u32,          // of a strip, rounded up
  groups: u32,         // vec4 of channels
  height: u32,         // of a picture after upsampling
  width: u32,
  upsample: u32,       // 1 for twice the size
  x_stride: u32,       // in vec4
  x_offset: u32,
  staged_columns: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Input4>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

// Where a row or column of x starts, or that it is outside of the picture.
struct Line { start: u32, zero: bool }

fn line(start: u32, i: u32, size: u32, step: u32) -> Line {
  if (STAGED) {
    return Line(start + i * step, false);
  }
  // Row -1 of the picture is row 0 here.
  let zero = i == 0u || i > size;
  return Line(start + (select(i - 1u, 0u, zero) >> uniforms.upsample) * step, zero);
}

fn pixel(row: Line, column: Line) -> vec4f {
  let value = vec4f(x[row.start + column.start]);
  if (STAGED) {
    return value;
  }
  return select(value, vec4f(0.0), row.zero || column.zero);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let tile = index / uniforms.groups;
  let c = index - tile * uniforms.groups;
  let tile_row = tile / uniforms.tile_columns;
  if (tile_row >= uniforms.rows / SIDE || uniforms.row / SIDE + tile_row >= uniforms.tile_rows) {
    return;
  }
  var y0 = tile_row * SIDE;
  let x0 = (tile - tile_row * uniforms.tile_columns) * SIDE;
  var row_step = uniforms.staged_columns * uniforms.groups;
  var column_step = uniforms.groups;
  var start = c;
  if (!STAGED) {
    y0 += uniforms.row;
    column_step = uniforms.x_stride;
    row_step = (uniforms.width >> uniforms.upsample) * column_step;
    start += uniforms.picture * (uniforms.height >> uniforms.upsample) * row_step + uniforms.x_offset;
  }
  let to = (tile / TILE_PIXELS * uniforms.groups + c) * TILE_PIXELS + tile % TILE_PIXELS;
  transform_patch(start, y0, row_step, x0, column_step, to);
}
