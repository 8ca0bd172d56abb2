// Winograd F(4x4, 3x3), first step: V = B^T d B of every 6x6 patch d, for one strip of tiles.
//
// x: the rows of the strip as stage.wgsl leaves them (STAGED), or pictures as laid out, which are then read with upsampling and zero
// padding. v: [36][tiles / TILE_PIXELS][groups][TILE_PIXELS] vec4. One invocation for each tile and vec4 of channels, neighbours in channels; 36 loads, 36 stores.
// The transforms, TILE_PIXELS, STAGED and Input4 stand before.

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

fn store_row(index: u32, step: u32, columns: Six) {
  let row = input_transform(columns);
  v[index] = row.a;
  v[index + step] = row.b;
  v[index + 2u * step] = row.c;
  v[index + 3u * step] = row.d;
  v[index + 4u * step] = row.e;
  v[index + 5u * step] = row.f;
}

struct SixLines { a: Line, b: Line, c: Line, d: Line, e: Line, f: Line }

fn patch_column(rows: SixLines, column: Line) -> Six {
  return input_transform(Six(
    pixel(rows.a, column), pixel(rows.b, column), pixel(rows.c, column),
    pixel(rows.d, column), pixel(rows.e, column), pixel(rows.f, column),
  ));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let tile = index / uniforms.groups;
  let c = index - tile * uniforms.groups;
  let tile_row = tile / uniforms.tile_columns;
  if (tile_row >= uniforms.rows / 4u || uniforms.row / 4u + tile_row >= uniforms.tile_rows) {
    return;
  }
  var y0 = tile_row * 4u;
  let x0 = (tile - tile_row * uniforms.tile_columns) * 4u;
  var row_step = uniforms.staged_columns * uniforms.groups;
  var column_step = uniforms.groups;
  var start = c;
  if (!STAGED) {
    y0 += uniforms.row;
    column_step = uniforms.x_stride;
    row_step = (uniforms.width >> uniforms.upsample) * column_step;
    start += uniforms.picture * (uniforms.height >> uniforms.upsample) * row_step + uniforms.x_offset;
  }
  let rows = SixLines(
    line(start, y0, uniforms.height, row_step), line(start, y0 + 1u, uniforms.height, row_step),
    line(start, y0 + 2u, uniforms.height, row_step), line(start, y0 + 3u, uniforms.height, row_step),
    line(start, y0 + 4u, uniforms.height, row_step), line(start, y0 + 5u, uniforms.height, row_step),
  );
  let c0 = patch_column(rows, line(0u, x0, uniforms.width, column_step));
  let c1 = patch_column(rows, line(0u, x0 + 1u, uniforms.width, column_step));
  let c2 = patch_column(rows, line(0u, x0 + 2u, uniforms.width, column_step));
  let c3 = patch_column(rows, line(0u, x0 + 3u, uniforms.width, column_step));
  let c4 = patch_column(rows, line(0u, x0 + 4u, uniforms.width, column_step));
  let c5 = patch_column(rows, line(0u, x0 + 5u, uniforms.width, column_step));
  let step = uniforms.tiles * uniforms.groups;
  let to = (tile / TILE_PIXELS * uniforms.groups + c) * TILE_PIXELS + tile % TILE_PIXELS;
  store_row(to, step, Six(c0.a, c1.a, c2.a, c3.a, c4.a, c5.a));
  store_row(to + 6u * step, step, Six(c0.b, c1.b, c2.b, c3.b, c4.b, c5.b));
  store_row(to + 12u * step, step, Six(c0.c, c1.c, c2.c, c3.c, c4.c, c5.c));
  store_row(to + 18u * step, step, Six(c0.d, c1.d, c2.d, c3.d, c4.d, c5.d));
  store_row(to + 24u * step, step, Six(c0.e, c1.e, c2.e, c3.e, c4.e, c5.e));
  store_row(to + 30u * step, step, Six(c0.f, c1.f, c2.f, c3.f, c4.f, c5.f));
}
