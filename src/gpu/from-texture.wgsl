// The pixels of a texture as words of 8-bit RGBA, one invocation each.

override LINEAR: bool;  // a format of sRGB: loading has decoded it

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;

fn encoded(linear: vec3f) -> vec3f {
  return select(1.055 * pow(linear, vec3f(1.0 / 2.4)) - 0.055, 12.92 * linear, linear <= vec3f(0.0031308));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = textureDimensions(picture);
  if (any(id.xy >= size)) {
    return;
  }
  let colour = textureLoad(picture, id.xy, 0);
  pixels[id.y * size.x + id.x] = pack4x8unorm(vec4f(select(colour.rgb, encoded(colour.rgb), LINEAR), colour.a));
}
