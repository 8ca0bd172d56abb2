// The pixels of a frame of video as words of 8-bit RGBA, one invocation each. WebGPU has converted its colours.

@group(0) @binding(0) var frame: texture_external;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = textureDimensions(frame);
  if (any(id.xy >= size)) {
    return;
  }
  pixels[id.y * size.x + id.x] = pack4x8unorm(textureLoad(frame, id.xy));
}
