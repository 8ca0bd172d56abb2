// Squares of FACTOR x FACTOR pixels to channels (UNSHUFFLE) and back; channel (c * FACTOR + i) * FACTOR + j of the small picture is
// channel c of pixel (i, j) of the square. One invocation for each vec4 of channels of an output pixel, each channel read on its own.

override FACTOR: u32;
override UNSHUFFLE: bool;
override COUNT: u32;         // pixels of all output pictures times GROUPS
override GROUPS: u32;        // vec4 of output channels
override CHANNELS: u32;      // of the output
override WIDTH: u32;         // of the output
override HEIGHT: u32;
override X_STRIDE: u32;      // in values
override X_OFFSET: u32;
override Y_STRIDE: u32;      // in vec4
override Y_OFFSET: u32;

@group(0) @binding(0) var<storage, read> x: array<Store>;
@group(0) @binding(1) var<storage, read_write> y: array<Store4>;

// Channel c of pixel (row, column) of picture n of the output.
fn source(n: u32, row: u32, column: u32, c: u32) -> f32 {
  if (c >= CHANNELS) {
    return 0.0;
  }
  if (UNSHUFFLE) {
    let from_row = (n * HEIGHT + row) * FACTOR + c / FACTOR % FACTOR;
    let from_column = column * FACTOR + c % FACTOR;
    return f32(x[(from_row * WIDTH * FACTOR + from_column) * X_STRIDE + X_OFFSET + c / (FACTOR * FACTOR)]);
  }
  let from_row = n * (HEIGHT / FACTOR) + row / FACTOR;
  let channel = (c * FACTOR + row % FACTOR) * FACTOR + column % FACTOR;
  return f32(x[(from_row * (WIDTH / FACTOR) + column / FACTOR) * X_STRIDE + X_OFFSET + channel]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let pixel = index / GROUPS;
  let c = index % GROUPS;
  let column = pixel % WIDTH;
  let row = pixel / WIDTH % HEIGHT;
  let n = pixel / (WIDTH * HEIGHT);
  y[pixel * Y_STRIDE + Y_OFFSET + c] = Store4(vec4f(
    source(n, row, column, c * 4u),
    source(n, row, column, c * 4u + 1u),
    source(n, row, column, c * 4u + 2u),
    source(n, row, column, c * 4u + 3u)));
}
