// Mean and M2 (sum of squared deviations from the mean) of every channel over strips of consecutive pixels: the first of the two
// steps of every statistic over a picture. One invocation for each picture, strip and vec4 of channels, neighbours along channels;
// x is read once, nothing is shared. Deviations are taken from the strip's first pixel, so that a large mean costs no precision.

struct Uniforms {
  pixels: u32,   // of one picture
  strip: u32,    // pixels of a strip; the last one of a picture may be shorter
  strips: u32,   // of one picture
  groups: u32,   // vec4 of channels
  count: u32,    // pictures times strips times groups
  x_stride: u32, // in vec4
  x_offset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read_write> strips: array<vec4f>;  // [n, strips, 2, groups]: mean, then M2
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let c = index % uniforms.groups;
  let row = index / uniforms.groups;
  let first = row % uniforms.strips * uniforms.strip;
  let count = min(uniforms.strip, uniforms.pixels - first);
  var at = (row / uniforms.strips * uniforms.pixels + first) * uniforms.x_stride + uniforms.x_offset + c;
  let pivot = vec4f(x[at]);
  var sum = vec4f(0.0);
  var squares = vec4f(0.0);
  // Four loads at a time keep more of them in flight.
  var i = 0u;
  for (; i + 4u <= count; i += 4u) {
    let d0 = vec4f(x[at]) - pivot;
    let d1 = vec4f(x[at + uniforms.x_stride]) - pivot;
    let d2 = vec4f(x[at + 2u * uniforms.x_stride]) - pivot;
    let d3 = vec4f(x[at + 3u * uniforms.x_stride]) - pivot;
    sum += (d0 + d1) + (d2 + d3);
    squares = fma(d0, d0, fma(d1, d1, fma(d2, d2, fma(d3, d3, squares))));
    at += 4u * uniforms.x_stride;
  }
  for (; i < count; i++) {
    let d = vec4f(x[at]) - pivot;
    sum += d;
    squares = fma(d, d, squares);
    at += uniforms.x_stride;
  }
  let mean = sum / f32(count);
  strips[row * 2u * uniforms.groups + c] = pivot + mean;
  strips[(row * 2u + 1u) * uniforms.groups + c] = max(fma(-sum, mean, squares), vec4f(0.0));
}
