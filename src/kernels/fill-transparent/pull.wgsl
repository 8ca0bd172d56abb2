// A picture at half its size, for the colours around transparent parts: of each 2x2 pixels the mean of the colours, as much as they are
// seen, and the sum of their alphas up to 255, so that a single opaque pixel is enough. One invocation for each pixel of y; integers.

struct Uniforms {
  x_width: u32,
  x_height: u32,
  width: u32,    // of y
  height: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;        // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= uniforms.width || id.y >= uniforms.height) {
    return;
  }
  var sum = vec3u();
  var alpha = 0u;
  for (var i = 0u; i < 4u; i++) {
    let at = 2u * id.xy + vec2u(i & 1u, i >> 1u);
    if (at.x < uniforms.x_width && at.y < uniforms.x_height) {
      let pixel = x[at.y * uniforms.x_width + at.x];
      let a = pixel >> 24u;
      sum += a * ((vec3u(pixel) >> vec3u(0u, 8u, 16u)) & vec3u(255u));
      alpha += a;
    }
  }
  let colour = (sum + alpha / 2u) / max(alpha, 1u);
  y[id.y * uniforms.width + id.x] = colour.x | (colour.y << 8u) | (colour.z << 16u) | (min(alpha, 255u) << 24u);
}
