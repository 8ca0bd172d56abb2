// Convolution of f32 planes [planes, height, width] with a row of weights along one axis; two passes make a separable blur. One
// invocation for eight neighbours along the axis, whose inputs stay in registers: two reads for each eight products. Sums run
// over the taps from the first to the last. What lies outside is the table's business: positions[i] is where the input of tap i
// of the first output is read, positions[i + 1] that of the next output, and so on.

override VERTICAL: bool;

struct Uniforms {
  width: u32,
  height: u32,
  taps: u32,       // rounded up to 8
  planes: u32,
  rows_start: u32, // where the rows' positions start, in vec4
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;    // zeros up to a multiple of 8
@group(0) @binding(2) var<storage, read> positions: array<vec4u>;  // of columns, then of rows, each from a multiple of 4
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn load(base: u32, step: u32, at: u32) -> vec4f {
  let p = positions[at] * step + base;
  return vec4f(x[p.x], x[p.y], x[p.z], x[p.w]);
}

fn put(base: u32, step: u32, start: u32, count: u32, values: vec4f) {
  let at = base + start * step;
  if (start < count) {
    y[at] = values.x;
  }
  if (start + 1u < count) {
    y[at + step] = values.y;
  }
  if (start + 2u < count) {
    y[at + 2u * step] = values.z;
  }
  if (start + 3u < count) {
    y[at + 3u * step] = values.w;
  }
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = vec2u(uniforms.width, uniforms.height);
  let count = select(size.x, size.y, VERTICAL);
  let lines = select(size.y, size.x, VERTICAL);
  // Neighbours in a workgroup are neighbours in memory.
  let line = select(id.y, id.x, VERTICAL);
  let block = select(id.x, id.y, VERTICAL);
  if (line >= lines || id.z >= uniforms.planes || block * 8u >= count) {
    return;
  }
  let step = select(1u, size.x, VERTICAL);
  let base = id.z * size.x * size.y + line * select(size.x, 1u, VERTICAL);
  let first = block * 2u + select(0u, uniforms.rows_start, VERTICAL);
  var a = load(base, step, first);
  var b = load(base, step, first + 1u);
  var low = vec4f();
  var high = vec4f();
  for (var t = 0u; t < uniforms.taps / 4u; t += 2u) {
    let c = load(base, step, first + t + 2u);
    let d = load(base, step, first + t + 3u);
    let u = weights[t];
    let v = weights[t + 1u];
    low = fma(vec4f(u.x), a, low);
    low = fma(vec4f(u.y), vec4f(a.yzw, b.x), low);
    low = fma(vec4f(u.z), vec4f(a.zw, b.xy), low);
    low = fma(vec4f(u.w), vec4f(a.w, b.xyz), low);
    low = fma(vec4f(v.x), b, low);
    low = fma(vec4f(v.y), vec4f(b.yzw, c.x), low);
    low = fma(vec4f(v.z), vec4f(b.zw, c.xy), low);
    low = fma(vec4f(v.w), vec4f(b.w, c.xyz), low);
    high = fma(vec4f(u.x), b, high);
    high = fma(vec4f(u.y), vec4f(b.yzw, c.x), high);
    high = fma(vec4f(u.z), vec4f(b.zw, c.xy), high);
    high = fma(vec4f(u.w), vec4f(b.w, c.xyz), high);
    high = fma(vec4f(v.x), c, high);
    high = fma(vec4f(v.y), vec4f(c.yzw, d.x), high);
    high = fma(vec4f(v.z), vec4f(c.zw, d.xy), high);
    high = fma(vec4f(v.w), vec4f(c.w, d.xyz), high);
    a = c;
    b = d;
  }
  let start = block * 8u;
  put(base, step, start, count, low);
  put(base, step, start + 4u, count, high);
}
