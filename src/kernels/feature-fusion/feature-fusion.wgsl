// y = d + w (d * scale + shift): decoder features moved towards the encoder's by the fidelity w, one number for each picture or for
// each pixel. One invocation for a vec4 of channels of RUN consecutive pixels, neighbours along channels; pictures along z.

override PIXELS: u32;        // of one picture
override GROUPS: u32;        // vec4 of channels
override COUNT: u32;         // runs of pixels of one picture times GROUPS
override RUN: u32;           // pixels that share the arithmetic of indices, which is dear on software adapters
override MAP: bool;          // fidelity for each pixel
override D_STRIDE: u32;      // in vec4, as all strides and offsets
override D_OFFSET: u32;
override SCALE_STRIDE: u32;
override SCALE_OFFSET: u32;
override SHIFT_STRIDE: u32;
override SHIFT_OFFSET: u32;
override Y_STRIDE: u32;
override Y_OFFSET: u32;

@group(0) @binding(0) var<storage, read> d: array<Store4>;
@group(0) @binding(1) var<storage, read> scale: array<Store4>;
@group(0) @binding(2) var<storage, read> shift: array<Store4>;
@group(0) @binding(3) var<storage, read> fidelity: array<f32>;  // [n] or [n, PIXELS]
@group(0) @binding(4) var<storage, read_write> y: array<Store4>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let c = index % GROUPS;
  let first = index / GROUPS * RUN;
  let start = id.z * PIXELS;
  for (var pixel = start + first; pixel < start + min(first + RUN, PIXELS); pixel++) {
    let w = fidelity[select(id.z, pixel, MAP)];
    let value = vec4f(d[pixel * D_STRIDE + D_OFFSET + c]);
    let factor = vec4f(scale[pixel * SCALE_STRIDE + SCALE_OFFSET + c]);
    let offset = vec4f(shift[pixel * SHIFT_STRIDE + SHIFT_OFFSET + c]);
    y[pixel * Y_STRIDE + Y_OFFSET + c] = Store4(fma(vec4f(w), fma(value, factor, offset), value));
  }
}
