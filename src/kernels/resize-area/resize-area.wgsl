// Resize of 8-bit RGBA to the mean of the pixels that a destination pixel covers, by the rule of OpenCV's INTER_AREA: weighted
// sums of columns, then of rows, in float32. One invocation for each pixel of y. Sizes are data: one pipeline serves all.
//
// PREMULTIPLIED: colours count as much as they are seen.

override PREMULTIPLIED: bool;

struct Uniforms {
  x_width: u32,
  x_height: u32,
  width: u32,    // of y
  height: u32,
  half_up: u32,  // whether halves are rounded up
  scale: f32,    // factor of the sums
}

@group(0) @binding(0) var<storage, read> x: array<u32>;         // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> columns: array<vec4i>; // first column of x, count, index of the first weight
@group(0) @binding(2) var<storage, read> rows: array<vec4i>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

const SHIFTS = vec4u(0u, 8u, 16u, 24u);

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = uniforms.x_width;
  let height = uniforms.x_height;
  if (id.x >= uniforms.width || id.y >= uniforms.height) {
    return;
  }
  let column = columns[id.x];
  let row = rows[id.y];
  var sum = vec4f();
  for (var j = 0; j < row.y; j++) {
    let line = min(u32(row.x + j), height - 1u) * width;
    var part = vec4f();
    for (var i = 0; i < column.y; i++) {
      let pixel = x[line + min(u32(column.x + i), width - 1u)];
      var level = vec4f((vec4u(pixel) >> SHIFTS) & vec4u(255u));
      if (PREMULTIPLIED) {
        level = vec4f(level.xyz * level.w, level.w);
      }
      part += weights[column.z + i] * level;
    }
    sum += weights[row.z + j] * part;
  }
  if (PREMULTIPLIED) {
    sum = vec4f(select(vec3f(0.0), sum.xyz / sum.w, sum.w > 0.0) / uniforms.scale, sum.w);
  }
  sum *= uniforms.scale;
  // Means of 2x2 pixels are rounded half up, all others half to even.
  let level = select(round(sum), floor(sum + 0.5), uniforms.half_up != 0u);
  let bytes = vec4u(clamp(level, vec4f(0.0), vec4f(255.0))) << SHIFTS;
  y[id.y * uniforms.width + id.x] = bytes.x | bytes.y | bytes.z | bytes.w;
}
