// First pass of the Lanczos resize: columns. One invocation for each column of y in each row of the band, which reads eight pixels
// and writes the four sums as i32 with 11 fractional bits. PREMULTIPLIED: colours are multiplied by their alpha, of 255.

override PREMULTIPLIED: bool;

struct Uniforms {
  x_width: u32,
  width: u32,   // of y
  first: u32,   // row of x that the band needs
  rows: u32,    // of x that it needs
}

@group(0) @binding(0) var<storage, read> x: array<u32>;            // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> columns: array<i32>;      // first column of x, for each column of y
@group(0) @binding(2) var<storage, read> column_weights: array<vec4i>; // two for each column of y
@group(0) @binding(3) var<storage, read_write> sums: array<vec4i>; // [rows of the band in x, width of y]
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

const SHIFTS = vec4u(0u, 8u, 16u, 24u);

fn channels(pixel: u32) -> vec4i {
  let level = vec4i((vec4u(pixel) >> SHIFTS) & vec4u(255u));
  if (PREMULTIPLIED) {
    return vec4i(level.xyz * level.w, level.w);
  }
  return level;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= uniforms.width || id.y >= uniforms.rows) {
    return;
  }
  let last = i32(uniforms.x_width) - 1;
  let line = i32((id.y + uniforms.first) * uniforms.x_width);
  let first = columns[id.x];
  var sum = vec4i();
  for (var half = 0; half < 2; half++) {
    let weights = column_weights[2u * id.x + u32(half)];
    let at = clamp(vec4i(first + 4 * half) + vec4i(0, 1, 2, 3), vec4i(0), vec4i(last)) + line;
    sum += channels(x[at.x]) * weights.x + channels(x[at.y]) * weights.y;
    sum += channels(x[at.z]) * weights.z + channels(x[at.w]) * weights.w;
  }
  sums[id.y * uniforms.width + id.x] = sum;
}
