// A mask with its outermost rows and columns set to zero. One invocation for each pixel.
// GAP: a second plane holds what the mask lacks of 1.

override GAP: bool;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> sizes: array<u32>; // width, height, border
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = vec2u(sizes[0], sizes[1]);
  if (id.x >= size.x || id.y >= size.y) {
    return;
  }
  let border = sizes[2];
  let inside = all(id.xy >= vec2u(border)) && all(id.xy + border < size);
  let at = id.y * size.x + id.x;
  y[at] = select(0.0, x[at], inside);
  if (GAP) {
    let gap = size.x * size.y + at;
    y[gap] = select(1.0, x[gap], inside);
  }
}
