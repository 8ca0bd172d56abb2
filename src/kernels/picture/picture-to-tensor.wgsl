// 8-bit RGBA to a tensor of three channels: (v - offset) * scale - MEAN, with v the byte or, if UNIT, the float32 nearest to byte / 255.
// One invocation for each pixel.

struct Uniforms {
  count: u32,    // pixels of all pictures
  offset: f32,
  scale: f32,
  mean_0: f32,   // by channel of the tensor
  mean_1: f32,
  mean_2: f32,
  y_stride: u32, // in vec4
  y_offset: u32,
}
override UNIT: bool;
override BGR: bool;          // order of the channels

@group(0) @binding(0) var<storage, read> picture: array<u32>;  // a pixel each, red in the lowest byte
@group(0) @binding(1) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

// byte / 255 correctly rounded, by whole numbers: WGSL's own division may be off by some units in the last place.
fn unit(byte: u32) -> f32 {
  if (byte == 0u) {
    return 0.0;
  }
  // The quotient of 2^31 to 2^32 by 255 has 24 bits, as many as a float32 holds; an odd divisor knows no ties.
  let shift = countLeadingZeros(byte) - 24u;
  let numerator = byte << (shift + 24u);
  let quotient = numerator / 255u + select(0u, 1u, numerator % 255u > 127u);
  // Times 2^(-24 - shift), which is exact.
  return f32(quotient) * bitcast<f32>((103u - shift) << 23u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let rgba = picture[index];
  let rgb = (vec3u(rgba) >> vec3u(0u, 8u, 16u)) & vec3u(255u);
  let bytes = select(rgb, rgb.bgr, BGR);
  let value = select(vec3f(bytes), vec3f(unit(bytes.x), unit(bytes.y), unit(bytes.z)), UNIT);
  let normalized = (value - uniforms.offset) * uniforms.scale - vec3f(uniforms.mean_0, uniforms.mean_1, uniforms.mean_2);
  y[index * uniforms.y_stride + uniforms.y_offset] = Store4(vec4f(normalized, 0.0));
}
