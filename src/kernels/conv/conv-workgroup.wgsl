// Convolution as a matrix product for GPUs: the operands of what workgroup-tile.ts prints, which stands behind store.wgsl and rows.wgsl; the
// epilogue and `Output4` stand before. Norm, swish, upsampling and padding happen where x is loaded.

struct Uniforms {
  pixels: u32,          // of y, all pictures
  groups: u32,          // vec4 of inputs
  size: u32,            // side of the filter
  stride: u32,
  pad_top: u32,
  pad_left: u32,
  mirror: u32,          // or zeros around
  upsample: u32,        // 1 for twice the size
  prologue: u32,        // index into PROLOGUES of conv.ts
  height: u32,          // of x after upsampling
  width: u32,
  x_stride: u32,        // in vec4, as all strides and offsets
  x_offset: u32,
  y_height: u32,
  y_width: u32,
  y_stride: u32,
  y_offset: u32,
  out_groups: u32,      // vec4 of outputs
  blocks: u32,          // of packed weights
  column_tiles: u32,    // of outputs
  bias: u32,            // whether there is one
  residual: u32,
  residual_stride: u32,
  residual_offset: u32,
  slope: f32,           // of negative values
  alpha: f32,           // of what is added to the residual
}

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read> weights: array<Store4>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> scale: array<vec4f>;
@group(0) @binding(4) var<storage, read> shift: array<vec4f>;
@group(0) @binding(5) var<storage, read> residual: array<Store4>;
@group(0) @binding(6) var<storage, read_write> y: array<Output4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn load_input(row: Row, ky: u32, kx: u32, group: u32) -> vec4f {
  let top = row.top + i32(ky);
  let left = row.left + i32(kx);
  let mirror = uniforms.mirror != 0u;
  if (!row.valid || (!mirror && (top < 0 || top >= i32(uniforms.height) || left < 0 || left >= i32(uniforms.width)))) {
    return vec4f(0.0);
  }
  let pixel = (row.n * (uniforms.height >> uniforms.upsample) + inside(top, uniforms.height, mirror)) * (uniforms.width >> uniforms.upsample) + inside(left, uniforms.width, mirror);
  var value = vec4f(x[pixel * uniforms.x_stride + uniforms.x_offset + group]);
  if (uniforms.prologue != 0u) {
    value = value * scale[row.n * uniforms.groups + group] + shift[row.n * uniforms.groups + group];
  }
  if (uniforms.prologue == 2u) {
    value = swish(value);
  }
  return value;
}

fn load_weights(column: u32, batch: u32, tap: u32, group: u32) -> vec4f {
  let block = column / 8u;
  if (block >= uniforms.blocks) {
    return vec4f(0.0);
  }
  return vec4f(weights[((block * uniforms.size * uniforms.size + tap) * uniforms.groups + group) * 8u + column % 4u * 2u + column % 8u / 4u]);
}
