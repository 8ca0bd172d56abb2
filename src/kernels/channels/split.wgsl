// 8-bit RGBA to f32 planes [4, pixels], values 0 to 255. One invocation for each pixel.

struct Uniforms {
  pixels: u32,
  planes: u32,
}

@group(0) @binding(0) var<storage, read> picture: array<u32>; // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read_write> planes: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  let count = uniforms.pixels;
  if (index >= count) {
    return;
  }
  let pixel = picture[index];
  for (var c = 0u; c < uniforms.planes; c++) {
    planes[c * count + index] = f32((pixel >> (8u * c)) & 255u);
  }
}
