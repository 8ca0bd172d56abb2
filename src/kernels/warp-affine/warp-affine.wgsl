// Affine warp of 8-bit RGBA, bilinear, what is outside of the source being the border colour. One invocation for each pixel of
// the target rectangle. Integers throughout, so that every adapter gives the same bytes. Sizes and the transform are data: one
// pipeline for each mode.
//
// COMPAT: OpenCV's warpAffine; positions on a grid of 1/32 pixel.
// Else: positions on a grid of 1/2048 pixel, the mean of SAMPLES x SAMPLES samples in each target pixel.
// MIRRORED: instead of the border colour, the picture goes on mirrored at its edges.

override COMPAT: bool;
override SAMPLES: u32; // 1 or 2
override MIRRORED: bool;

struct Uniforms {
  x_width: u32,  // of the source
  x_height: u32,
  width: u32,    // of the target
  height: u32,
  left: u32,     // place of the source in its picture
  top: u32,
  border: u32,   // RGBA, red in the low byte
  whole_width: u32,  // of the picture, where it is mirrored
  whole_height: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;         // the source, a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> columns: array<vec2i>; // (x, y) in the source for each column of y, to be added to
@group(0) @binding(2) var<storage, read> rows: array<vec2i>;    // that of its row: in 1/2048 pixel, in compat mode 1/1024
@group(0) @binding(3) var<storage, read> shifts: array<vec2i>; // (x, y) of each sample relative to the centre, in the same units
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

const SHIFTS = vec4u(0u, 8u, 16u, 24u);

fn channels(pixel: u32) -> vec4u {
  return (vec4u(pixel) >> SHIFTS) & vec4u(255u);
}

/// The sum of four pixels times weights, which sum to 4^bits.
fn bilinear(place: vec2i, f: vec2u, one: u32) -> vec4u {
  let size = vec2i(i32(uniforms.x_width), i32(uniforms.x_height));
  let border = uniforms.border;
  if (place.x < -1 || place.y < -1 || place.x >= size.x || place.y >= size.y) {
    return channels(border) * (one * one);
  }
  let near = max(place, vec2i(0));
  let far = min(place + 1, size - 1);
  let inside = vec4<bool>(near == place, far == place + 1);
  let upper = near.y * size.x;
  let lower = far.y * size.x;
  let a = channels(select(border, x[upper + near.x], inside.x && inside.y));
  let b = channels(select(border, x[upper + far.x], inside.z && inside.y));
  let c = channels(select(border, x[lower + near.x], inside.x && inside.w));
  let d = channels(select(border, x[lower + far.x], inside.z && inside.w));
  let g = vec2u(one) - f;
  return (a * g.x + b * f.x) * g.y + (c * g.x + d * f.x) * f.y;
}

/// Where a place of the mirrored picture lies in the source.
fn mirrored(place: vec2i) -> vec2i {
  let whole = vec2i(i32(uniforms.whole_width), i32(uniforms.whole_height));
  let period = 2 * whole;
  let turn = (place % period + period) % period;
  let inside = select(turn, period - 1 - turn, turn >= whole);
  let size = vec2i(i32(uniforms.x_width), i32(uniforms.x_height));
  return clamp(inside - vec2i(i32(uniforms.left), i32(uniforms.top)), vec2i(0), size - 1);
}

/// As `bilinear`, at a place of the mirrored picture.
fn bilinear_mirrored(place: vec2i, f: vec2u, one: u32) -> vec4u {
  let near = mirrored(place);
  let far = mirrored(place + 1);
  let upper = near.y * i32(uniforms.x_width);
  let lower = far.y * i32(uniforms.x_width);
  let g = vec2u(one) - f;
  return (channels(x[upper + near.x]) * g.x + channels(x[upper + far.x]) * f.x) * g.y
    + (channels(x[lower + near.x]) * g.x + channels(x[lower + far.x]) * f.x) * f.y;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= uniforms.width || id.y >= uniforms.height) {
    return;
  }
  let bits = select(11u, 5u, COMPAT);
  let origin = vec2i(i32(uniforms.left), i32(uniforms.top));
  let centre = columns[id.x] + rows[id.y];
  var sum = vec4u();
  for (var i = 0u; i < SAMPLES * SAMPLES; i++) {
    var grid = centre + shifts[i];
    if (COMPAT) {
      grid = grid >> vec2u(5u);
    }
    var place = grid >> vec2u(bits);
    if (COMPAT) {
      place = clamp(place, vec2i(-32768), vec2i(32767));
    }
    let fraction = vec2u(grid) & vec2u((1u << bits) - 1u);
    if (MIRRORED) {
      sum += bilinear_mirrored(place, fraction, 1u << bits);
    } else {
      sum += bilinear(place - origin, fraction, 1u << bits);
    }
  }
  // The weights of all samples sum to a power of two.
  let shift = 2u * bits + 2u * (SAMPLES - 1u);
  let bytes = (sum + (1u << (shift - 1u))) >> vec4u(shift);
  y[id.y * uniforms.width + id.x] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
}
