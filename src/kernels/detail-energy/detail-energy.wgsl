// How much detail a picture has beyond the half of its size: the luma minus that of the half, interpolated, squared, and averaged over
// each of CELLS x CELLS cells. One invocation for each cell; neighbours along rows. The picture is square.

struct Uniforms {
  side: u32,   // of x: a multiple of twice the number of cells
  cells: u32,  // along each axis
}

@group(0) @binding(0) var<storage, read> x: array<u32>;      // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> half: array<u32>;   // of half the side
@group(0) @binding(2) var<storage, read_write> energy: array<f32>;  // [cells, cells]
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn luma(pixel: u32) -> f32 {
  return dot(vec3f((vec3u(pixel) >> vec3u(0u, 8u, 16u)) & vec3u(255u)), vec3f(0.299, 0.587, 0.114));
}

fn half_luma(at: vec2i) -> f32 {
  let side = i32(uniforms.side / 2u);
  let inside = clamp(at, vec2i(0), vec2i(side - 1));
  return luma(half[inside.y * side + inside.x]);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= uniforms.cells || id.y >= uniforms.cells) {
    return;
  }
  let length = uniforms.side / uniforms.cells;
  var sum = 0.0;
  for (var row = 0u; row < length; row++) {
    for (var column = 0u; column < length; column++) {
      let at = id.xy * length + vec2u(column, row);
      // The nearer of two neighbours along each axis counts three times as much as the other one.
      let near = vec2i(at / 2u);
      let far = near + select(vec2i(-1), vec2i(1), (at & vec2u(1u)) == vec2u(1u));
      let smooth_luma = (9.0 * half_luma(near) + 3.0 * half_luma(vec2i(far.x, near.y))
        + 3.0 * half_luma(vec2i(near.x, far.y)) + half_luma(far)) / 16.0;
      let detail = luma(x[at.y * uniforms.side + at.x]) - smooth_luma;
      sum += detail * detail;
    }
  }
  energy[id.y * uniforms.cells + id.x] = sum / f32(length * length);
}
