// Pastes a picture into a rectangle of another, in place: out = m * pasted + (1 - m) * out, for red, green and blue; alpha stays.
// One invocation for each pixel of the rectangle.
//
// Where several pasted pictures overlap, levels must not be rounded in between: what is left of them is kept in 10 bits for each
// channel, in a buffer over the rectangle where this matters.
//
// COMPAT: the pasted picture is multiplied by its coverage, and the result is truncated, as in the reference, which computes in
// double precision. Truncation shows differences of any size, so the sum is kept as a whole number and a small rest, and the mask
// may come with its gap, what it lacks of 1, which can be far less than f32 can tell from 1. A mask without gap stands for the
// reference without a parsed mask, which computes in single precision, as written here. Else the result is rounded.

override COMPAT: bool;
override GAP: bool;    // the mask has a second plane, what it lacks of 1
override PLANES: bool; // the pasted picture is f32 planes [3, height, width] instead of 8-bit RGBA

struct Uniforms {
  width: u32,       // of the picture
  height: u32,
  rect_x: u32,      // what is pasted, its coverage and mask are of this rectangle
  rect_y: u32,
  rect_width: u32,
  rect_height: u32,
  kept_x: u32,      // where fractions are kept; width 0: nowhere
  kept_y: u32,
  kept_width: u32,
  kept_height: u32,
  strength: f32,    // factor of the mask
  full: f32,        // what a mask without gap is where it is nearly 1
}

@group(0) @binding(0) var<storage, read> pasted: array<u32>;   // of the rectangle, as coverage and mask
@group(0) @binding(1) var<storage, read> coverage: array<f32>; // in compat mode only
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> fractions: array<u32>; // 10 bits for each of red, green and blue
@group(0) @binding(4) var<storage, read_write> picture: array<u32>;   // a pixel each, red in the low byte
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

const SHIFTS = vec3u(0u, 8u, 16u);
const FRACTION_SHIFTS = vec3u(0u, 10u, 20u);

/// Masks that are 1 but for the rounding of sums of weights.
const NEARLY_FULL = 2e-6;

/// More than a level can be.
const LIMIT = vec3f(1e6);

/// Relative size of what double precision drops.
const DOUBLE = 1.1e-16;

fn pasted_colour(index: u32) -> vec3f {
  if (PLANES) {
    let count = uniforms.rect_width * uniforms.rect_height;
    return vec3f(
      bitcast<f32>(pasted[index]),
      bitcast<f32>(pasted[index + count]),
      bitcast<f32>(pasted[index + 2u * count]),
    );
  }
  return vec3f((vec3u(pasted[index]) >> SHIFTS) & vec3u(255u));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = id.xy + vec2u(uniforms.rect_x, uniforms.rect_y);
  if (id.x >= uniforms.rect_width || id.y >= uniforms.rect_height || at.x >= uniforms.width || at.y >= uniforms.height) {
    return;
  }
  let index = id.y * uniforms.rect_width + id.x;
  var m = mask[index];
  if (m <= 0.0) {
    return;
  }
  if (!GAP && abs(m - 1.0) < NEARLY_FULL) {
    m = uniforms.full;
  }
  let strength = uniforms.strength;
  m *= strength;
  var gap = 1.0 - m;
  if (GAP) {
    gap = (1.0 - strength) + strength * mask[uniforms.rect_width * uniforms.rect_height + index];
  }
  var colour = pasted_colour(index);
  if (COMPAT) {
    colour *= coverage[index];
  }

  let place = at.y * uniforms.width + at.x;
  let pixel = picture[place];
  let level = vec3f((vec3u(pixel) >> SHIFTS) & vec3u(255u));
  let fraction_at = at - vec2u(uniforms.kept_x, uniforms.kept_y);
  let kept = all(at >= vec2u(uniforms.kept_x, uniforms.kept_y)) && all(fraction_at < vec2u(uniforms.kept_width, uniforms.kept_height));
  let fraction_index = select(0u, fraction_at.y * uniforms.kept_width + fraction_at.x, kept);
  var rest = vec3f();
  if (kept) {
    rest = vec3f((vec3u(fractions[fraction_index]) >> FRACTION_SHIFTS) & vec3u(1023u)) / 1024.0;
  }

  // The sum as a whole number near it, and the rest.
  let under = level + rest;
  var whole = level;
  rest += m * (colour - under);
  if (m > 0.5) {
    whole = round(colour);
    rest = (colour - whole) + gap * (under - colour);
  }
  rest = select(rest, vec3f(), abs(rest) <= DOUBLE * max(under, colour));
  if (COMPAT && !GAP) {
    whole = vec3f();
    // Each product is rounded by itself: the limit, which none reaches, keeps compilers from fusing one of them with the sum.
    rest = min(m * colour, LIMIT) + min((1.0 - m) * under, LIMIT);
  }
  let carry = floor(rest);
  rest -= carry;
  whole += carry;
  if (kept) {
    let bits = vec3u(clamp(rest * 1024.0, vec3f(0.0), vec3f(1023.0))) << FRACTION_SHIFTS;
    fractions[fraction_index] = bits.x | bits.y | bits.z;
  } else if (!COMPAT) {
    whole += step(vec3f(0.5), rest);
  }
  let bytes = vec3u(clamp(whole, vec3f(0.0), vec3f(255.0))) << SHIFTS;
  picture[place] = bytes.x | bytes.y | bytes.z | (pixel & 0xff000000u);
}
