// A tensor to planes of float32, [n, c, h, w]. One invocation for each pixel and vec4 of channels, neighbours along pixels.

override PIXELS: u32;        // of one picture
override CHANNELS: u32;
override GROUPS: u32;        // vec4 of channels
override COUNT: u32;         // pictures times GROUPS times PIXELS
override X_STRIDE: u32;      // in vec4
override X_OFFSET: u32;

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read_write> planes: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let pixel = index % PIXELS;
  let group = index / PIXELS % GROUPS;
  let n = index / (PIXELS * GROUPS);
  let value = vec4f(x[(n * PIXELS + pixel) * X_STRIDE + X_OFFSET + group]);
  for (var i = 0u; i < min(4u, CHANNELS - group * 4u); i++) {
    planes[(n * CHANNELS + group * 4u + i) * PIXELS + pixel] = value[i];
  }
}
