// Multiplies and adds in registers alone: how many operations there are in a second. Eight sums do not wait for each other.

override STEPS: u32;

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups);
  // What is read is zero, which the compiler does not know.
  let start = Store4(y[i]);
  // Sums that go to one: what is next to zero is slow on some processors.
  let factor = start + Store4(0.875);
  let more = start + Store4(0.125);
  var a = start;
  var b = start + Store4(1.0);
  var c = start + Store4(2.0);
  var d = start + Store4(3.0);
  var e = start + Store4(4.0);
  var f = start + Store4(5.0);
  var g = start + Store4(6.0);
  var h = start + Store4(7.0);
  for (var step = 0u; step < STEPS; step++) {
    a = fma(a, factor, more);
    b = fma(b, factor, more);
    c = fma(c, factor, more);
    d = fma(d, factor, more);
    e = fma(e, factor, more);
    f = fma(f, factor, more);
    g = fma(g, factor, more);
    h = fma(h, factor, more);
  }
  // Sums that nobody needs would not be made.
  y[i] = vec4f(((a + b) + (c + d)) + ((e + f) + (g + h)));
}
