// The largest value of every 3x3 window, two pixels apart; what is outside of the picture does not count. One invocation for each vec4 of
// channels of an output pixel.

struct Uniforms {
  pixels: u32,   // of all output pictures
  groups: u32,   // vec4 of channels
  height: u32,
  width: u32,
  y_height: u32,
  y_width: u32,
  x_stride: u32, // in vec4, as all strides and offsets
  x_offset: u32,
  y_stride: u32,
  y_offset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let c = index % uniforms.groups;
  let pixel = index / uniforms.groups;
  if (pixel >= uniforms.pixels) {
    return;
  }
  let column = pixel % uniforms.y_width * 2u;
  let row = pixel / uniforms.y_width % uniforms.y_height * 2u;
  let n = pixel / uniforms.y_width / uniforms.y_height;
  // A window at the border looks at its own pixels again instead of at those outside.
  let last = vec2u(uniforms.height, uniforms.width) - 1u;
  let rows = vec3u(max(row, 1u) - 1u, row, min(row + 1u, last.x));
  let columns = vec3u(max(column, 1u) - 1u, column, min(column + 1u, last.y));
  var largest = vec4f(x[((n * uniforms.height + row) * uniforms.width + column) * uniforms.x_stride + uniforms.x_offset + c]);
  for (var i = 0u; i < 3u; i++) {
    let start = (n * uniforms.height + rows[i]) * uniforms.width;
    for (var j = 0u; j < 3u; j++) {
      largest = max(largest, vec4f(x[(start + columns[j]) * uniforms.x_stride + uniforms.x_offset + c]));
    }
  }
  y[pixel * uniforms.y_stride + uniforms.y_offset + c] = Store4(largest);
}
