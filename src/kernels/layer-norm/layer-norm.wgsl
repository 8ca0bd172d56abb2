// y = (x - mean) / deviation * gamma + beta over the channels of every token; `write_position` follows in one of two files. LANES
// invocations for each token (see rows-*.wgsl); a token is read three times, from cache but the first.

struct Uniforms {
  groups: u32,   // vec4 of channels
  channels: u32,
  rows: u32,     // tokens of all batch items
  x_stride: u32, // in vec4, as all strides and offsets
  x_offset: u32,
  y_stride: u32,
  y_offset: u32,
  tokens: u32,   // of one batch item; with a second output only, as its stride and offset
  p_stride: u32,
  p_offset: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(2) var<storage, read> beta: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

// Deviations from the mean; zero in padding channels, which are no part of the variance.
fn deviations(value: vec4f, mean: f32, group: u32) -> vec4f {
  return select(vec4f(0.0), value - mean, group * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(uniforms.channels));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  let lane = index % LANES;
  // Surplus invocations repeat the last row up to the end, because barriers want them all; they write nothing.
  let row = min(index / LANES, uniforms.rows - 1u);
  let base = row * uniforms.x_stride + uniforms.x_offset;

  var sums = vec4f(0.0);
  for (var g = lane; g < uniforms.groups; g += LANES) {
    sums += vec4f(x[base + g]);
  }
  let mean = row_sum(lane, sums.x + sums.y + sums.z + sums.w) / f32(uniforms.channels);

  var squares = vec4f(0.0);
  for (var g = lane; g < uniforms.groups; g += LANES) {
    let d = deviations(vec4f(x[base + g]), mean, g);
    squares = fma(d, d, squares);
  }
  let variance = row_sum(lane, squares.x + squares.y + squares.z + squares.w) / f32(uniforms.channels);
  let factor = 1.0 / sqrt(variance + uniforms.eps);

  if (index / LANES < uniforms.rows) {
    for (var g = lane; g < uniforms.groups; g += LANES) {
      let d = deviations(vec4f(x[base + g]), mean, g);
      let value = fma(d * factor, gamma[g], beta[g]);
      y[row * uniforms.y_stride + uniforms.y_offset + g] = Store4(value);
      write_position(row, g, value);
    }
  }
}
