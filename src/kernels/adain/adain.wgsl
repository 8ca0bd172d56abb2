// Scale and shift that give every channel of x the mean and deviation it has in `style`: combines the statistics of strips
// (strips.wgsl) of both. One invocation for each picture and vec4 of channels.

struct Uniforms {
  groups: u32,   // vec4 of channels
  count: u32,    // pictures times groups
  channels: u32,
  x_pixels: u32, // of one picture
  x_strip: u32,  // pixels of a strip
  x_strips: u32, // of one picture
  s_pixels: u32,
  s_strip: u32,
  s_strips: u32,
}

@group(0) @binding(0) var<storage, read> x_strips: array<vec4f>;  // [n, x_strips, 2, groups]: mean, then M2
@group(0) @binding(1) var<storage, read> s_strips: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scale: array<vec4f>;  // [n, groups]
@group(0) @binding(3) var<storage, read_write> shift: array<vec4f>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

const EPS = 1e-5;

struct Moments {
  mean: vec4f,
  deviation: vec4f,
}

// Adds a strip of `count` pixels to `before` pixels whose mean and M2 are known (Chan).
fn combine(mean: ptr<function, vec4f>, m2: ptr<function, vec4f>, before: u32, strip: vec4f, strip_m2: vec4f, count: u32) {
  let share = f32(count) / f32(before + count);
  let d = strip - *mean;
  *mean = fma(d, vec4f(share), *mean);
  *m2 += fma(d * d, vec4f(f32(before) * share), strip_m2);
}

// The variance is the sample's, over one pixel less; a single pixel has none.
fn moments(mean: vec4f, m2: vec4f, pixels: u32) -> Moments {
  return Moments(mean, sqrt(m2 / f32(max(pixels, 2u) - 1u) + EPS));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let n = index / uniforms.groups;
  let c = index % uniforms.groups;

  var mean = vec4f(0.0);
  var m2 = vec4f(0.0);
  for (var i = 0u; i < uniforms.x_strips; i++) {
    let at = (n * uniforms.x_strips + i) * 2u * uniforms.groups + c;
    combine(&mean, &m2, i * uniforms.x_strip, x_strips[at], x_strips[at + uniforms.groups], min(uniforms.x_strip, uniforms.x_pixels - i * uniforms.x_strip));
  }
  let own = moments(mean, m2, uniforms.x_pixels);

  mean = vec4f(0.0);
  m2 = vec4f(0.0);
  for (var i = 0u; i < uniforms.s_strips; i++) {
    let at = (n * uniforms.s_strips + i) * 2u * uniforms.groups + c;
    combine(&mean, &m2, i * uniforms.s_strip, s_strips[at], s_strips[at + uniforms.groups], min(uniforms.s_strip, uniforms.s_pixels - i * uniforms.s_strip));
  }
  let style = moments(mean, m2, uniforms.s_pixels);

  let inside = c * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(uniforms.channels);
  let factor = style.deviation / own.deviation;
  scale[index] = select(vec4f(0.0), factor, inside);
  shift[index] = select(vec4f(0.0), fma(-own.mean, factor, style.mean), inside);
}
