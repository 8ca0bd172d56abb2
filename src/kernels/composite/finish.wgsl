// Rounds the levels that were kept with fractions while pictures that overlap were pasted. One invocation for each pixel of the
// rectangle of the fractions, which are zero afterwards.

@group(0) @binding(0) var<storage, read> sizes: array<u32>; // width and height of the picture; x, y, width, height of the fractions
@group(0) @binding(1) var<storage, read_write> fractions: array<u32>;
@group(0) @binding(2) var<storage, read_write> picture: array<u32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = id.xy + vec2u(sizes[2], sizes[3]);
  if (id.x >= sizes[4] || id.y >= sizes[5] || at.x >= sizes[0] || at.y >= sizes[1]) {
    return;
  }
  let index = id.y * sizes[4] + id.x;
  let place = at.y * sizes[0] + at.x;
  let up = (vec3u(fractions[index]) >> vec3u(9u, 19u, 29u)) & vec3u(1u);
  let level = (vec3u(picture[place]) >> vec3u(0u, 8u, 16u)) & vec3u(255u);
  let bytes = min(level + up, vec3u(255u));
  picture[place] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (picture[place] & 0xff000000u);
  fractions[index] = 0u;
}
