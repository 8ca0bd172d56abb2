// Affine warp of f32 planes [planes, height, width], bilinear, zero outside of the source. One invocation for each value of the
// target rectangle. Positions as in warp-affine: COMPAT is OpenCV's grid of 1/32 pixel, else one of 1/2048 pixel, with the mean of
// SAMPLES x SAMPLES samples.

override COMPAT: bool;
override SAMPLES: u32; // 1 or 2

struct Uniforms {
  x_width: u32,  // of the source
  x_height: u32,
  width: u32,    // of the target
  height: u32,
  left: u32,     // place of the source in its picture
  top: u32,
  planes: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> columns: array<vec2i>; // (x, y) in the source for each column of y, to be added to
@group(0) @binding(2) var<storage, read> rows: array<vec2i>;    // that of its row: in 1/2048 pixel, in compat mode 1/1024
@group(0) @binding(3) var<storage, read> shifts: array<vec2i>; // (x, y) of each sample relative to the centre, in the same units
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn bilinear(place: vec2i, f: vec2f, plane: u32) -> f32 {
  let size = vec2i(i32(uniforms.x_width), i32(uniforms.x_height));
  if (place.x < -1 || place.y < -1 || place.x >= size.x || place.y >= size.y) {
    return 0.0;
  }
  let near = max(place, vec2i(0));
  let far = min(place + 1, size - 1);
  let inside = vec4<bool>(near == place, far == place + 1);
  let upper = (i32(plane) * size.y + near.y) * size.x;
  let lower = (i32(plane) * size.y + far.y) * size.x;
  let p = vec4f(
    select(0.0, x[upper + near.x], inside.x && inside.y),
    select(0.0, x[upper + far.x], inside.z && inside.y),
    select(0.0, x[lower + near.x], inside.x && inside.w),
    select(0.0, x[lower + far.x], inside.z && inside.w),
  );
  let g = 1.0 - f;
  return p.x * (g.x * g.y) + p.y * (f.x * g.y) + p.z * (g.x * f.y) + p.w * (f.x * f.y);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= uniforms.width || id.y >= uniforms.height || id.z >= uniforms.planes) {
    return;
  }
  let bits = select(11u, 5u, COMPAT);
  let origin = vec2i(i32(uniforms.left), i32(uniforms.top));
  let centre = columns[id.x] + rows[id.y];
  var sum = 0.0;
  for (var i = 0u; i < SAMPLES * SAMPLES; i++) {
    var grid = centre + shifts[i];
    if (COMPAT) {
      grid = grid >> vec2u(5u);
    }
    var place = grid >> vec2u(bits);
    if (COMPAT) {
      place = clamp(place, vec2i(-32768), vec2i(32767));
    }
    let fraction = vec2f(vec2u(grid) & vec2u((1u << bits) - 1u)) / f32(1u << bits);
    sum += bilinear(place - origin, fraction, id.z);
  }
  y[(id.z * uniforms.height + id.y) * uniforms.width + id.x] = sum / f32(SAMPLES * SAMPLES);
}
