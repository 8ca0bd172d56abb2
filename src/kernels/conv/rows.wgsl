// Rows of the product that a convolution is on GPUs, the pixels of y: where they read x, and which of their sums are stored. Uniforms and
// store.wgsl stand before.

// A pixel of y: its picture and where its filter starts in x.
struct Row { valid: bool, n: u32, top: i32, left: i32 }

fn locate(pixel: u32, batch: u32) -> Row {
  let row = pixel / uniforms.y_width;
  return Row(
    pixel < uniforms.pixels,
    row / uniforms.y_height,
    i32(row % uniforms.y_height * uniforms.stride) - i32(uniforms.pad_top),
    i32(pixel % uniforms.y_width * uniforms.stride) - i32(uniforms.pad_left),
  );
}

fn inside(i: i32, size: u32, mirror: bool) -> u32 {
  let last = i32(size) - 1;
  return u32(clamp(select(i, last - abs(last - abs(i)), mirror), 0, last)) >> uniforms.upsample;
}

fn store(pixel: u32, batch: u32, group: u32, sum: vec4f) {
  if (pixel < uniforms.pixels) {
    store_sum(pixel, group, sum);
  }
}
