// Copies the rows that a strip of output reads into scratch, in f32, with everything done to them that would otherwise be done for
// each tap and block of output channels: norm, swish, nearest upsampling, padding. The tiles then read without a single test.
//
// x: pictures as laid out. staged: [rows][columns][groups] vec4, a few rows and columns more than the padded picture has, so that
// ragged tiles stay inside. One invocation for each column and vec4 of channels, down some rows.

struct Uniforms {
  picture: u32,        // of the strip
  row: u32,            // of output that the strip starts with
  height: u32,         // of the picture after upsampling
  width: u32,
  upsample: u32,       // 1 for twice the size
  x_stride: u32,       // in vec4
  x_offset: u32,
  groups: u32,         // vec4 of channels
  prologue: u32,       // index into PROLOGUES of conv.ts
  pad_top: u32,
  pad_left: u32,
  mirror: u32,         // or zeros around
  stride: u32,         // of the convolution
  staged_rows: u32,
  staged_columns: u32,
  rows_each: u32,      // of an invocation
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> shift: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> staged: array<vec4f>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

// Nearest index inside of `size`, after mirroring without repeating the border where asked for.
fn inside(i: i32, size: u32, mirror: bool) -> u32 {
  let last = i32(size) - 1;
  let folded = select(i, last - abs(last - abs(i)), mirror);
  return u32(clamp(folded, 0, last));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row_size = uniforms.staged_columns * uniforms.groups;
  if (id.x >= row_size) {
    return;
  }
  let column = id.x / uniforms.groups;
  let c = id.x - column * uniforms.groups;
  let mirror = uniforms.mirror != 0u;
  let x_column = i32(column) - i32(uniforms.pad_left);
  let column_inside = mirror || (x_column >= 0 && x_column < i32(uniforms.width));
  let width = uniforms.width >> uniforms.upsample;
  let first = uniforms.picture * (uniforms.height >> uniforms.upsample) * width + (inside(x_column, uniforms.width, mirror) >> uniforms.upsample);
  var factor = vec4f(1.0);
  var summand = vec4f(0.0);
  if (uniforms.prologue != 0u) {
    factor = scale[uniforms.picture * uniforms.groups + c];
    summand = shift[uniforms.picture * uniforms.groups + c];
  }
  let first_row = id.y * uniforms.rows_each;
  var x_row = i32(uniforms.row * uniforms.stride + first_row) - i32(uniforms.pad_top);
  let end_row = min(first_row + uniforms.rows_each, uniforms.staged_rows);
  for (var row = first_row; row < end_row; row++) {
    var value = vec4f(0.0);
    if (column_inside && (mirror || (x_row >= 0 && x_row < i32(uniforms.height)))) {
      let pixel = first + (inside(x_row, uniforms.height, mirror) >> uniforms.upsample) * width;
      value = vec4f(x[pixel * uniforms.x_stride + uniforms.x_offset + c]);
      if (uniforms.prologue != 0u) {
        value = value * factor + summand;
      }
      if (uniforms.prologue == 2u) {
        value = swish(value);
      }
    }
    staged[row * row_size + id.x] = value;
    x_row += 1;
  }
}
