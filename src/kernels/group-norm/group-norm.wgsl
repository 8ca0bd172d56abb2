// Group norm folded to one scale and shift for each picture and channel: combines the statistics of strips (strips.wgsl) over a
// group's channels and pixels. LANES invocations for each picture and group (see rows-*.wgsl); a group is any run of channels.

struct Uniforms {
  channels: u32, // of a group
  groups: u32,   // of normalisation
  rows: u32,     // pictures times groups
  stride: u32,   // channels rounded up to 4
  pixels: u32,   // of one picture
  strip: u32,    // pixels of a strip
  strips: u32,   // of one picture
  eps: f32,
}

@group(0) @binding(0) var<storage, read> strips: array<f32>;  // [n, strips, 2, stride]: mean, then M2
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;  // [n, stride]
@group(0) @binding(4) var<storage, read_write> shift: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  let lane = index % LANES;
  // Surplus invocations repeat the last row up to the end, because barriers want them all; they write nothing.
  let row = min(index / LANES, uniforms.rows - 1u);
  let n = row / uniforms.groups;
  let group = row % uniforms.groups;
  let channel = group * uniforms.channels;
  let base = n * uniforms.strips * 2u * uniforms.stride + channel;

  // Means are summed as differences from one of them, which keeps their digits.
  let pivot = strips[base];
  var sum = 0.0;
  for (var i = lane; i < uniforms.strips * uniforms.channels; i += LANES) {
    let strip = i / uniforms.channels;
    let pixels = f32(min(uniforms.strip, uniforms.pixels - strip * uniforms.strip));
    sum = fma(pixels, strips[base + strip * 2u * uniforms.stride + i % uniforms.channels] - pivot, sum);
  }
  let count = f32(uniforms.pixels * uniforms.channels);
  let mean = pivot + row_sum(lane, sum) / count;

  var squares = 0.0;
  for (var i = lane; i < uniforms.strips * uniforms.channels; i += LANES) {
    let strip = i / uniforms.channels;
    let pixels = f32(min(uniforms.strip, uniforms.pixels - strip * uniforms.strip));
    let at = base + strip * 2u * uniforms.stride + i % uniforms.channels;
    let d = strips[at] - mean;
    squares += fma(pixels * d, d, strips[at + uniforms.stride]);
  }
  let deviation = sqrt(row_sum(lane, squares) / count + uniforms.eps);

  if (index / LANES < uniforms.rows) {
    for (var c = channel + lane; c < channel + uniforms.channels; c += LANES) {
      let factor = gamma[c] / deviation;
      scale[n * uniforms.stride + c] = factor;
      shift[n * uniforms.stride + c] = fma(-mean, factor, beta[c]);
    }
    if (group == uniforms.groups - 1u) {
      for (var c = uniforms.groups * uniforms.channels + lane; c < uniforms.stride; c += LANES) {
        scale[n * uniforms.stride + c] = 0.0;
        shift[n * uniforms.stride + c] = 0.0;
      }
    }
  }
}
