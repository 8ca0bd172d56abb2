// y = act(x * scale + shift) with one scale and shift for each picture and channel: what group norm comes down to once its
// statistics are folded. One invocation for each vec4 of channels of a pixel; x is read once, y written once.

override PIXELS: u32;        // of one picture
override COUNT: u32;         // pixels of all pictures times GROUPS
override GROUPS: u32;        // vec4 of channels
override X_STRIDE: u32;      // in vec4, as all strides and offsets
override X_OFFSET: u32;
override Y_STRIDE: u32;
override Y_OFFSET: u32;
override SWISH: bool;

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> shift: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<Store4>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let pixel = index / GROUPS;
  let c = index % GROUPS;
  let affine = pixel / PIXELS * GROUPS + c;
  var value = fma(vec4f(x[pixel * X_STRIDE + X_OFFSET + c]), scale[affine], shift[affine]);
  if (SWISH) {
    value = swish(value);
  }
  y[pixel * Y_STRIDE + Y_OFFSET + c] = Store4(value);
}
