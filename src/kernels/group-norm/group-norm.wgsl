// Group norm folded to one scale and shift for each picture and channel: combines the statistics of strips (strips.wgsl) over a
// group's channels and pixels. LANES invocations for each picture and group (see rows-*.wgsl); a group is any run of channels.

override CHANNELS: u32;      // of a group
override GROUPS: u32;        // of normalisation
override ROWS: u32;          // pictures times GROUPS
override STRIDE: u32;        // channels rounded up to 4
override PIXELS: u32;        // of one picture
override STRIP: u32;         // pixels of a strip
override STRIPS: u32;        // of one picture
override EPS: f32;

@group(0) @binding(0) var<storage, read> strips: array<f32>;  // [n, STRIPS, 2, STRIDE]: mean, then M2
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;  // [n, STRIDE]
@group(0) @binding(4) var<storage, read_write> shift: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let lane = index % LANES;
  // Surplus invocations repeat the last row up to the end, because barriers want them all; they write nothing.
  let row = min(index / LANES, ROWS - 1u);
  let n = row / GROUPS;
  let group = row % GROUPS;
  let channel = group * CHANNELS;
  let base = n * STRIPS * 2u * STRIDE + channel;

  // Means are summed as differences from one of them, which keeps their digits.
  let pivot = strips[base];
  var sum = 0.0;
  for (var i = lane; i < STRIPS * CHANNELS; i += LANES) {
    let strip = i / CHANNELS;
    let pixels = f32(min(STRIP, PIXELS - strip * STRIP));
    sum = fma(pixels, strips[base + strip * 2u * STRIDE + i % CHANNELS] - pivot, sum);
  }
  let count = f32(PIXELS * CHANNELS);
  let mean = pivot + row_sum(lane, sum) / count;

  var squares = 0.0;
  for (var i = lane; i < STRIPS * CHANNELS; i += LANES) {
    let strip = i / CHANNELS;
    let pixels = f32(min(STRIP, PIXELS - strip * STRIP));
    let at = base + strip * 2u * STRIDE + i % CHANNELS;
    let d = strips[at] - mean;
    squares += fma(pixels * d, d, strips[at + STRIDE]);
  }
  let deviation = sqrt(row_sum(lane, squares) / count + EPS);

  if (index / LANES < ROWS) {
    for (var c = channel + lane; c < channel + CHANNELS; c += LANES) {
      let factor = gamma[c] / deviation;
      scale[n * STRIDE + c] = factor;
      shift[n * STRIDE + c] = fma(-mean, factor, beta[c]);
    }
    if (group == GROUPS - 1u) {
      for (var c = GROUPS * CHANNELS + lane; c < STRIDE; c += LANES) {
        scale[n * STRIDE + c] = 0.0;
        shift[n * STRIDE + c] = 0.0;
      }
    }
  }
}
