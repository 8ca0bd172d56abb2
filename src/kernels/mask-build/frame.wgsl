// A mask with its outermost rows and columns set to zero. One invocation for each pixel.
// GAP: a second plane holds what the mask lacks of 1.

override GAP: bool;

struct Uniforms {
  width: u32,
  height: u32,
  border: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = vec2u(uniforms.width, uniforms.height);
  if (id.x >= size.x || id.y >= size.y) {
    return;
  }
  let border = uniforms.border;
  let inside = all(id.xy >= vec2u(border)) && all(id.xy + border < size);
  let at = id.y * size.x + id.x;
  y[at] = select(0.0, x[at], inside);
  if (GAP) {
    let gap = size.x * size.y + at;
    y[gap] = select(1.0, x[gap], inside);
  }
}
