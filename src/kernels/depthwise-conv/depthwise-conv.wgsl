// 3x3 convolution of each channel with a filter of its own, one pixel of zeros around, then bias and leaky rectifier. One invocation for
// a vec4 of channels of four output pixels in a row, neighbours along channels: it loads each input once and the weights once for all four.
// The constant STRIDE stands before.

struct Uniforms {
  groups: u32,   // vec4 of channels
  height: u32,
  width: u32,
  x_stride: u32, // in vec4, as all strides and offsets
  x_offset: u32,
  y_height: u32,
  y_width: u32,
  y_stride: u32,
  y_offset: u32,
  rows: u32,     // of all output pictures
  runs: u32,     // of pixels in an output row
  slope: f32,    // of negative sums
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read> weights: array<Store4>;  // [9][groups]
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

// A row of the input: where it starts, and whether it is in the picture.
struct Row { start: u32, inside: bool }

fn pixel(row: Row, column: i32) -> vec4f {
  let last = i32(uniforms.width) - 1;
  let value = vec4f(x[row.start + u32(clamp(column, 0, last)) * uniforms.x_stride]);
  return select(vec4f(0.0), value, row.inside && column >= 0 && column <= last);
}

fn store(row: u32, column: u32, c: u32, sum: vec4f) {
  if (column < uniforms.y_width) {
    let value = sum + bias[c];
    y[(row + column) * uniforms.y_stride + uniforms.y_offset + c] = Store4(select(value * uniforms.slope, value, value > vec4f(0.0)));
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let c = index % uniforms.groups;
  let column = index / uniforms.groups % uniforms.runs * 4u;
  let y_row = index / uniforms.groups / uniforms.runs;
  if (y_row >= uniforms.rows) {
    return;
  }
  let n = y_row / uniforms.y_height;
  let top = i32(y_row % uniforms.y_height * STRIDE) - 1;
  let left = i32(column * STRIDE) - 1;
  var sum_0 = vec4f(0.0);
  var sum_1 = vec4f(0.0);
  var sum_2 = vec4f(0.0);
  var sum_3 = vec4f(0.0);
  for (var ky = 0; ky < 3; ky++) {
    let nearest = clamp(top + ky, 0, i32(uniforms.height) - 1);
    let row = Row((n * uniforms.height + u32(nearest)) * uniforms.width * uniforms.x_stride + uniforms.x_offset + c, nearest == top + ky);
    let tap = u32(ky) * 3u * uniforms.groups + c;
    let w_0 = vec4f(weights[tap]);
    let w_1 = vec4f(weights[tap + uniforms.groups]);
    let w_2 = vec4f(weights[tap + 2u * uniforms.groups]);
    let in_0 = pixel(row, left);
    let in_1 = pixel(row, left + 1);
    let in_2 = pixel(row, left + 2);
    let in_3 = pixel(row, left + 3);
    let in_4 = pixel(row, left + 4);
    let in_5 = pixel(row, left + 5);
    sum_0 += in_0 * w_0 + in_1 * w_1 + in_2 * w_2;
    if (STRIDE == 1u) {
      sum_1 += in_1 * w_0 + in_2 * w_1 + in_3 * w_2;
      sum_2 += in_2 * w_0 + in_3 * w_1 + in_4 * w_2;
      sum_3 += in_3 * w_0 + in_4 * w_1 + in_5 * w_2;
    } else {
      let in_6 = pixel(row, left + 6);
      let in_7 = pixel(row, left + 7);
      let in_8 = pixel(row, left + 8);
      sum_1 += in_2 * w_0 + in_3 * w_1 + in_4 * w_2;
      sum_2 += in_4 * w_0 + in_5 * w_1 + in_6 * w_2;
      sum_3 += in_6 * w_0 + in_7 * w_1 + in_8 * w_2;
    }
  }
  let start = y_row * uniforms.y_width;
  store(start, column, c, sum_0);
  store(start, column + 1u, c, sum_1);
  store(start, column + 2u, c, sum_2);
  store(start, column + 3u, c, sum_3);
}
