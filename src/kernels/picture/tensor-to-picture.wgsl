// The first three channels of a tensor to 8-bit RGBA: clamped to the range, (v + OFFSET) * SCALE * 255, rounded half to even, alpha 255.
// One invocation for each pixel.

override COUNT: u32;         // pixels of all pictures
override LOWEST: f32;        // of the range; its end is 1
override OFFSET: f32;
override SCALE: f32;
override X_STRIDE: u32;      // in vec4
override X_OFFSET: u32;

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read_write> picture: array<u32>;  // a pixel each, red in the lowest byte

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let value = clamp(vec3f(x[index * X_STRIDE + X_OFFSET].xyz), vec3f(LOWEST), vec3f(1.0));
  let bytes = min(vec3u(round((value + OFFSET) * SCALE * 255.0)), vec3u(255u));
  picture[index] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (255u << 24u);
}
