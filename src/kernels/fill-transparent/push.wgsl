// A picture over a smaller one, which is interpolated: what is an eighth opaque stays, what is transparent gets the smaller one's
// colour, and all becomes opaque. Where the smaller one has nothing either, the pixel stays as it is. One invocation for each pixel;
// integers.

struct Uniforms {
  width: u32,
  height: u32,
  coarse_width: u32,
  coarse_height: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;       // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> coarse: array<u32>;
@group(0) @binding(2) var<storage, read> columns: array<i32>; // places in the smaller picture, in 1/256 of its pixels
@group(0) @binding(3) var<storage, read> rows: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn channels(pixel: u32) -> vec4u {
  return (vec4u(pixel) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= uniforms.width || id.y >= uniforms.height) {
    return;
  }
  let place = vec2i(columns[id.x], rows[id.y]);
  let last = vec2i(i32(uniforms.coarse_width), i32(uniforms.coarse_height)) - 1;
  let near = vec2u(clamp(place >> vec2u(8u), vec2i(0), last));
  let far = vec2u(clamp((place >> vec2u(8u)) + 1, vec2i(0), last));
  let f = vec2u(place & vec2i(255));
  let g = 256u - f;
  let a = channels(coarse[near.y * uniforms.coarse_width + near.x]);
  let b = channels(coarse[near.y * uniforms.coarse_width + far.x]);
  let c = channels(coarse[far.y * uniforms.coarse_width + near.x]);
  let d = channels(coarse[far.y * uniforms.coarse_width + far.x]);
  let under = (a * g.x + b * f.x) * g.y + (c * g.x + d * f.x) * f.y; // times 2^16

  let at = id.y * uniforms.width + id.x;
  let over = channels(x[at]);
  if (under.w == 0u) {
    y[at] = x[at];
    return;
  }
  let weight = min(8u * over.w, 255u);
  // At most 255 * 2^16 * 255 and half of that step, which fits.
  let sum = under.xyz * (255u - weight) + (over.xyz << vec3u(16u)) * weight;
  let colour = (sum + 127u * 65536u) / (255u * 65536u);
  y[at] = colour.x | (colour.y << 8u) | (colour.z << 16u) | (255u << 24u);
}
