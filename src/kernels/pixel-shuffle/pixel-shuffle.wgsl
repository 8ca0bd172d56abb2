// Squares of factor x factor pixels to channels (UNSHUFFLE) and back; channel (c * factor + i) * factor + j of the small picture is
// channel c of pixel (i, j) of the square. One invocation for each vec4 of channels of an output pixel, each channel read on its own.

struct Uniforms {
  factor: u32,
  count: u32,    // pixels of all output pictures times groups
  groups: u32,   // vec4 of output channels
  channels: u32, // of the output
  width: u32,    // of the output
  height: u32,
  x_stride: u32, // in values
  x_offset: u32,
  y_stride: u32, // in vec4
  y_offset: u32,
}
override UNSHUFFLE: bool;

@group(0) @binding(0) var<storage, read> x: array<Store>;
@group(0) @binding(1) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

// Channel c of pixel (row, column) of picture n of the output.
fn source(n: u32, row: u32, column: u32, c: u32) -> f32 {
  if (c >= uniforms.channels) {
    return 0.0;
  }
  if (UNSHUFFLE) {
    let from_row = (n * uniforms.height + row) * uniforms.factor + c / uniforms.factor % uniforms.factor;
    let from_column = column * uniforms.factor + c % uniforms.factor;
    return f32(x[(from_row * uniforms.width * uniforms.factor + from_column) * uniforms.x_stride + uniforms.x_offset + c / (uniforms.factor * uniforms.factor)]);
  }
  let from_row = n * (uniforms.height / uniforms.factor) + row / uniforms.factor;
  let channel = (c * uniforms.factor + row % uniforms.factor) * uniforms.factor + column % uniforms.factor;
  return f32(x[(from_row * (uniforms.width / uniforms.factor) + column / uniforms.factor) * uniforms.x_stride + uniforms.x_offset + channel]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let pixel = index / uniforms.groups;
  let c = index % uniforms.groups;
  let column = pixel % uniforms.width;
  let row = pixel / uniforms.width % uniforms.height;
  let n = pixel / (uniforms.width * uniforms.height);
  y[pixel * uniforms.y_stride + uniforms.y_offset + c] = Store4(vec4f(
    source(n, row, column, c * 4u),
    source(n, row, column, c * 4u + 1u),
    source(n, row, column, c * 4u + 2u),
    source(n, row, column, c * 4u + 3u)));
}
