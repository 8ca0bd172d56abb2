// Words of 8-bit RGBA as the pixels of a texture of any format: painted, since few formats can be stored to.

override LINEAR: bool;         // a format of sRGB: what is written will be encoded
override PREMULTIPLIED: bool;  // as canvases have their alpha

struct Corner {
  @builtin(position) position: vec4f,
  @location(0) @interpolate(flat, either) width: u32,
}

@group(0) @binding(0) var<storage, read> pixels: array<u32>;

// One triangle around everything. The number of the instance is the width of the picture, so that it takes no buffer.
@vertex
fn corner(@builtin(vertex_index) index: u32, @builtin(instance_index) width: u32) -> Corner {
  let at = vec2f(vec2u(index & 1u, index >> 1u) * 4u) - 1.0;
  return Corner(vec4f(at, 0.0, 1.0), width);
}

fn decoded(colour: vec3f) -> vec3f {
  return select(pow((colour + 0.055) / 1.055, vec3f(2.4)), colour / 12.92, colour <= vec3f(0.04045));
}

@fragment
fn paint(at: Corner) -> @location(0) vec4f {
  let place = vec2u(at.position.xy);
  let rgba = unpack4x8unorm(pixels[place.y * at.width + place.x]);
  let colour = select(rgba.rgb, decoded(rgba.rgb), LINEAR);
  return vec4f(colour * select(1.0, rgba.a, PREMULTIPLIED), rgba.a);
}
