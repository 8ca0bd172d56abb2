// y = rectify(a + alpha * b), b enlarged to the size of a by repeating its pixels. One invocation for each vec4 of channels of a pixel.

struct Plan {
  pixels: u32,   // of all pictures
  groups: u32,   // vec4 of channels
  height: u32,
  width: u32,
  b_height: u32,
  b_width: u32,
  a_stride: u32, // in vec4, as all strides and offsets
  a_offset: u32,
  b_stride: u32,
  b_offset: u32,
  y_stride: u32,
  y_offset: u32,
  alpha: f32,
  slope: f32,    // of negative sums
}

@group(0) @binding(0) var<storage, read> a: array<Store4>;
@group(0) @binding(1) var<storage, read> b: array<Store4>;
@group(0) @binding(2) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> plan: Plan;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = linear_index(id, workgroups);
  let c = index % plan.groups;
  let pixel = index / plan.groups;
  if (pixel >= plan.pixels) {
    return;
  }
  let column = pixel % plan.width;
  let row = pixel / plan.width % plan.height;
  let n = pixel / plan.width / plan.height;
  let b_row = n * plan.b_height + row * plan.b_height / plan.height;
  let b_pixel = b_row * plan.b_width + column * plan.b_width / plan.width;
  let value = vec4f(a[pixel * plan.a_stride + plan.a_offset + c])
    + plan.alpha * vec4f(b[b_pixel * plan.b_stride + plan.b_offset + c]);
  y[pixel * plan.y_stride + plan.y_offset + c] = Store4(select(value * plan.slope, value, value > vec4f(0.0)));
}
