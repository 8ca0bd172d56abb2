// Scale and shift that give every channel of x the mean and deviation it has in `style`: combines the statistics of strips
// (strips.wgsl) of both. One invocation for each picture and vec4 of channels.

override GROUPS: u32;        // vec4 of channels
override COUNT: u32;         // pictures times GROUPS
override CHANNELS: u32;
override X_PIXELS: u32;      // of one picture
override X_STRIP: u32;       // pixels of a strip
override X_STRIPS: u32;      // of one picture
override S_PIXELS: u32;
override S_STRIP: u32;
override S_STRIPS: u32;

@group(0) @binding(0) var<storage, read> x_strips: array<vec4f>;  // [n, X_STRIPS, 2, GROUPS]: mean, then M2
@group(0) @binding(1) var<storage, read> s_strips: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scale: array<vec4f>;  // [n, GROUPS]
@group(0) @binding(3) var<storage, read_write> shift: array<vec4f>;

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
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let n = index / GROUPS;
  let c = index % GROUPS;

  var mean = vec4f(0.0);
  var m2 = vec4f(0.0);
  for (var i = 0u; i < X_STRIPS; i++) {
    let at = (n * X_STRIPS + i) * 2u * GROUPS + c;
    combine(&mean, &m2, i * X_STRIP, x_strips[at], x_strips[at + GROUPS], min(X_STRIP, X_PIXELS - i * X_STRIP));
  }
  let own = moments(mean, m2, X_PIXELS);

  mean = vec4f(0.0);
  m2 = vec4f(0.0);
  for (var i = 0u; i < S_STRIPS; i++) {
    let at = (n * S_STRIPS + i) * 2u * GROUPS + c;
    combine(&mean, &m2, i * S_STRIP, s_strips[at], s_strips[at + GROUPS], min(S_STRIP, S_PIXELS - i * S_STRIP));
  }
  let style = moments(mean, m2, S_PIXELS);

  let inside = c * 4u + vec4u(0u, 1u, 2u, 3u) < vec4u(CHANNELS);
  let factor = style.deviation / own.deviation;
  scale[index] = select(vec4f(0.0), factor, inside);
  shift[index] = select(vec4f(0.0), fma(-own.mean, factor, style.mean), inside);
}
