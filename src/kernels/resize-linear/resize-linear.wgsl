// Bilinear resize of 8-bit RGBA in fixed point, by the rule of OpenCV's INTER_LINEAR: coefficients of 11 bits, 4 bits dropped
// after the horizontal pass, 16 after the vertical one, the last 2 rounded. One invocation for each pixel of y, which reads four
// pixels of x. Sizes are data rather than constants: photos come in any size, and one pipeline serves them all.
//
// The taps come from the CPU, because their positions are defined in double precision. Each is (first, second, weight of the
// first, weight of the second), the indices inside of x.
//
// PREMULTIPLIED: colours count as much as they are seen, in float32; alpha is as without it.

override PREMULTIPLIED: bool;

struct Uniforms {
  x_width: u32,
  width: u32,   // of y
  height: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;         // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> columns: array<vec4i>; // a tap for each column of y
@group(0) @binding(2) var<storage, read> rows: array<vec4i>;    // a tap for each row of y
@group(0) @binding(3) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

const SHIFTS = vec4u(0u, 8u, 16u, 24u);

fn pixel(row: i32, column: i32) -> vec4i {
  return vec4i((vec4u(x[u32(row) * uniforms.x_width + u32(column)]) >> SHIFTS) & vec4u(255u));
}

/// A row between two of its columns, of 255 << 7 at most.
fn horizontal(row: i32, tap: vec4i) -> vec4i {
  return (pixel(row, tap.x) * tap.z + pixel(row, tap.y) * tap.w) >> vec4u(4u);
}

/// The sum of the four pixels' colours, each as much as its alpha and place say, over the sum of these weights.
fn seen_colour(row: vec4i, column: vec4i) -> vec3u {
  var sum = vec4f();
  for (var i = 0; i < 4; i++) {
    let lower = i > 1;
    let right = i % 2 == 1;
    let place = select(row.z, row.w, lower) * select(column.z, column.w, right);
    let level = vec4f(pixel(select(row.x, row.y, lower), select(column.x, column.y, right)));
    sum += vec4f(level.xyz, 1.0) * level.w * f32(place);
  }
  return vec3u(clamp(round(sum.xyz / max(sum.w, 1.0)), vec3f(0.0), vec3f(255.0)));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= uniforms.width || id.y >= uniforms.height) {
    return;
  }
  let column = columns[id.x];
  let row = rows[id.y];
  let above = (horizontal(row.x, column) * row.z) >> vec4u(16u);
  let below = (horizontal(row.y, column) * row.w) >> vec4u(16u);
  var bytes = vec4u(above + below + vec4i(2)) >> vec4u(2u);
  if (PREMULTIPLIED) {
    bytes = vec4u(seen_colour(row, column), bytes.w);
  }
  y[id.y * uniforms.width + id.x] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
}
