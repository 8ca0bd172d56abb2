// f32 planes [1, 3 or 4, pixels] to 8-bit RGBA: rounded half to even, saturated; one plane is grey, and without a fourth plane the
// picture is opaque. One invocation for each pixel.

struct Uniforms {
  pixels: u32,
  planes: u32,
}

@group(0) @binding(0) var<storage, read> planes: array<f32>;
@group(0) @binding(1) var<storage, read_write> picture: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn level(plane: u32, index: u32) -> u32 {
  return u32(clamp(round(planes[plane * uniforms.pixels + index]), 0.0, 255.0));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.pixels) {
    return;
  }
  let count = uniforms.planes;
  let red = level(0u, index);
  var pixel = red | 0xff000000u;
  if (count == 1u) {
    pixel |= (red << 8u) | (red << 16u);
  } else {
    pixel |= (level(1u, index) << 8u) | (level(2u, index) << 16u);
  }
  if (count == 4u) {
    pixel = (pixel & 0xffffffu) | (level(3u, index) << 24u);
  }
  picture[index] = pixel;
}
