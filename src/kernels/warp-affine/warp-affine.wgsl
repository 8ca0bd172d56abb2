// Affine warp of 8-bit RGBA, bilinear, what is outside of the source being the border colour. One invocation for each pixel of
// the target rectangle. Sizes and the transform are data: one pipeline for each mode.
//
// COMPAT: OpenCV's warpAffine; positions on a grid of 1/32 pixel, weights of 15 bits, integers throughout.
// Else: positions exact to 2^-22 pixel, f32 weights, the mean of SAMPLES x SAMPLES samples in each target pixel.

override COMPAT: bool;

@group(0) @binding(0) var<storage, read> x: array<u32>;         // the source, a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> columns: array<vec4i>; // for each column of y: whole (x, y), fraction (x, y) as f32 bits
@group(0) @binding(2) var<storage, read> rows: array<vec4i>;    // for each row of y; in compat mode (x, y) in 1/1024 pixel
// Width and height of x and of y, place of x in its picture, samples, border, steps of x and of y in x along a row and column.
@group(0) @binding(3) var<storage, read> sizes: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

const SHIFTS = vec4u(0u, 8u, 16u, 24u);

fn channels(pixel: u32) -> vec4u {
  return (vec4u(pixel) >> SHIFTS) & vec4u(255u);
}

/// The pixels at (0, 0), (1, 0), (0, 1) and (1, 1) from a place.
fn corners(place: vec2i) -> vec4u {
  let size = vec2i(i32(sizes[0]), i32(sizes[1]));
  let near = clamp(place, vec2i(0), size - 1);
  let far = clamp(place + 1, vec2i(0), size - 1);
  let upper = near.y * size.x;
  let lower = far.y * size.x;
  let inside = vec4<bool>(near == place, far == place + 1);
  let border = sizes[7];
  return vec4u(
    select(border, x[upper + near.x], inside.x && inside.y),
    select(border, x[upper + far.x], inside.z && inside.y),
    select(border, x[lower + near.x], inside.x && inside.w),
    select(border, x[lower + far.x], inside.z && inside.w),
  );
}

fn outside(place: vec2i) -> bool {
  return place.x < -1 || place.y < -1 || place.x >= i32(sizes[0]) || place.y >= i32(sizes[1]);
}

fn fixed(position: vec2i) -> u32 {
  let grid = position >> vec2u(5u);
  let place = clamp(grid >> vec2u(5u), vec2i(-32768), vec2i(32767)) - vec2i(i32(sizes[4]), i32(sizes[5]));
  if (outside(place)) {
    return sizes[7];
  }
  let f = vec2u(grid & vec2i(31));
  let p = corners(place);
  let upper = channels(p.x) * (32u - f.x) + channels(p.y) * f.x;
  let lower = channels(p.z) * (32u - f.x) + channels(p.w) * f.x;
  let bytes = ((upper * (32u - f.y) + lower * f.y) * 32u + vec4u(1u << 14u)) >> vec4u(15u);
  return bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
}

fn sampled(place: vec2i, fraction: vec2f) -> vec4f {
  let cell = floor(fraction);
  let at = place + vec2i(cell);
  let f = fraction - cell;
  if (outside(at)) {
    return vec4f(channels(sizes[7]));
  }
  let p = corners(at);
  let upper = mix(vec4f(channels(p.x)), vec4f(channels(p.y)), f.x);
  let lower = mix(vec4f(channels(p.z)), vec4f(channels(p.w)), f.x);
  return mix(upper, lower, f.y);
}

fn exact(place: vec2i, fraction: vec2f) -> u32 {
  let count = sizes[6];
  let along_row = vec2f(bitcast<f32>(sizes[8]), bitcast<f32>(sizes[9]));
  let along_column = vec2f(bitcast<f32>(sizes[10]), bitcast<f32>(sizes[11]));
  var sum = vec4f();
  for (var j = 0u; j < count; j++) {
    for (var i = 0u; i < count; i++) {
      let shift = (vec2f(f32(i), f32(j)) + 0.5) / f32(count) - 0.5;
      sum += sampled(place, fraction + along_row * shift.x + along_column * shift.y);
    }
  }
  let bytes = vec4u(round(sum / f32(count * count))) << SHIFTS;
  return bytes.x | bytes.y | bytes.z | bytes.w;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= sizes[2] || id.y >= sizes[3]) {
    return;
  }
  let column = columns[id.x];
  let row = rows[id.y];
  let place = column.xy + row.xy;
  var pixel: u32;
  if (COMPAT) {
    pixel = fixed(place);
  } else {
    pixel = exact(place, bitcast<vec2f>(column.zw) + bitcast<vec2f>(row.zw));
  }
  y[id.y * sizes[2] + id.x] = pixel;
}
