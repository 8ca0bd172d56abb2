// Rounds the levels that were kept with fractions while pictures that overlap were pasted. One invocation for each pixel of the
// rectangle of the fractions, which are zero afterwards.

struct Uniforms {
  width: u32,       // of the picture
  height: u32,
  kept_x: u32,      // where fractions are kept
  kept_y: u32,
  kept_width: u32,
  kept_height: u32,
}

@group(0) @binding(0) var<storage, read_write> fractions: array<u32>;
@group(0) @binding(1) var<storage, read_write> picture: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = id.xy + vec2u(uniforms.kept_x, uniforms.kept_y);
  if (id.x >= uniforms.kept_width || id.y >= uniforms.kept_height || at.x >= uniforms.width || at.y >= uniforms.height) {
    return;
  }
  let index = id.y * uniforms.kept_width + id.x;
  let place = at.y * uniforms.width + at.x;
  let up = (vec3u(fractions[index]) >> vec3u(9u, 19u, 29u)) & vec3u(1u);
  let level = (vec3u(picture[place]) >> vec3u(0u, 8u, 16u)) & vec3u(255u);
  let bytes = min(level + up, vec3u(255u));
  picture[place] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (picture[place] & 0xff000000u);
  fractions[index] = 0u;
}
