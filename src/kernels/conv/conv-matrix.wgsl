// Convolution as a matrix product: the operands of what conv-matrix.ts prints, which stands behind store.wgsl and rows.wgsl; the epilogue and
// `Output4` stand before. Upsampling and padding happen where x is loaded.

struct Uniforms {
  pixels: u32,          // of y, all pictures
  groups: u32,          // vec4 of inputs
  size: u32,            // side of the filter
  stride: u32,
  pad_top: u32,
  pad_left: u32,
  mirror: u32,          // or zeros around
  upsample: u32,        // 1 for twice the size
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
@group(0) @binding(3) var<storage, read> residual: array<Store4>;
@group(0) @binding(4) var<storage, read_write> y: array<Output4>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

// Where a pixel of x is that a tap reads, or -1 for zeros.
fn origin(row: Row, ky: u32, kx: u32) -> i32 {
  let top = row.top + i32(ky);
  let left = row.left + i32(kx);
  let mirror = uniforms.mirror != 0u;
  if (!row.valid || (!mirror && (top < 0 || top >= i32(uniforms.height) || left < 0 || left >= i32(uniforms.width)))) {
    return -1;
  }
  let line = row.n * (uniforms.height >> uniforms.upsample) + inside(top, uniforms.height, mirror);
  let pixel = line * (uniforms.width >> uniforms.upsample) + inside(left, uniforms.width, mirror);
  return i32(pixel * uniforms.x_stride + uniforms.x_offset);
}

fn load_input(origin: i32, group: u32) -> vec4<f16> {
  if (origin < 0 || group >= uniforms.groups) {
    return vec4<f16>(0.0);
  }
  return x[u32(origin) + group];
}

// Where the weights of an output channel start, or -1 past the last block.
fn filter_start(column: u32) -> i32 {
  let block = column / 8u;
  let start = block * uniforms.size * uniforms.size * uniforms.groups * 8u + column % 4u * 2u + column % 8u / 4u;
  return select(i32(start), -1, block >= uniforms.blocks);
}

fn load_weights(start: i32, tap: u32, group: u32) -> vec4<f16> {
  if (start < 0 || group >= uniforms.groups) {
    return vec4<f16>(0.0);
  }
  return weights[u32(start) + (tap * uniforms.groups + group) * 8u];
}
