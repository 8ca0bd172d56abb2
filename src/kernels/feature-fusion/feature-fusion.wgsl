// y = d + w (d * scale + shift): decoder features moved towards the encoder's by the fidelity w, one number for each picture or for
// each pixel. One invocation for a vec4 of channels of RUN consecutive pixels, neighbours along channels; pictures along z.

struct Uniforms {
  pixels: u32,       // of one picture
  groups: u32,       // vec4 of channels
  count: u32,        // runs of pixels of one picture times groups
  d_stride: u32,     // in vec4, as all strides and offsets
  d_offset: u32,
  scale_stride: u32,
  scale_offset: u32,
  shift_stride: u32,
  shift_offset: u32,
  y_stride: u32,
  y_offset: u32,
}
override RUN: u32;           // pixels that share the arithmetic of indices, which is dear on software adapters
override MAP: bool;          // fidelity for each pixel

@group(0) @binding(0) var<storage, read> d: array<Store4>;
@group(0) @binding(1) var<storage, read> scale: array<Store4>;
@group(0) @binding(2) var<storage, read> shift: array<Store4>;
@group(0) @binding(3) var<storage, read> fidelity: array<f32>;  // [n] or [n, pixels]
@group(0) @binding(4) var<storage, read_write> y: array<Store4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let c = index % uniforms.groups;
  let first = index / uniforms.groups * RUN;
  let start = id.z * uniforms.pixels;
  for (var pixel = start + first; pixel < start + min(first + RUN, uniforms.pixels); pixel++) {
    let w = fidelity[select(id.z, pixel, MAP)];
    let value = vec4f(d[pixel * uniforms.d_stride + uniforms.d_offset + c]);
    let factor = vec4f(scale[pixel * uniforms.scale_stride + uniforms.scale_offset + c]);
    let offset = vec4f(shift[pixel * uniforms.shift_stride + uniforms.shift_offset + c]);
    y[pixel * uniforms.y_stride + uniforms.y_offset + c] = Store4(fma(vec4f(w), fma(value, factor, offset), value));
  }
}
