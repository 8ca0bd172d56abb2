// Resize of f32 planes [planes, height, width] by weighted taps: y = sum of rows of (row weight * sum of columns of (column
// weight * x)), in this order. One invocation for each value of y. Sizes are data: one pipeline serves all.

struct Uniforms {
  x_width: u32,
  x_height: u32,
  width: u32,    // of y
  height: u32,
  planes: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> columns: array<vec4i>; // first column of x, count, index of the first weight
@group(0) @binding(2) var<storage, read> rows: array<vec4i>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = i32(uniforms.x_width);
  let height = i32(uniforms.x_height);
  if (id.x >= uniforms.width || id.y >= uniforms.height || id.z >= uniforms.planes) {
    return;
  }
  let column = columns[id.x];
  let row = rows[id.y];
  let plane = i32(id.z) * height;
  var sum = 0.0;
  for (var j = 0; j < row.y; j++) {
    let line = (plane + clamp(row.x + j, 0, height - 1)) * width;
    var part = 0.0;
    for (var i = 0; i < column.y; i++) {
      part += weights[column.z + i] * x[line + clamp(column.x + i, 0, width - 1)];
    }
    sum += weights[row.z + j] * part;
  }
  y[(id.z * uniforms.height + id.y) * uniforms.width + id.x] = sum;
}
