// Stores four channels of a pixel of y once they are summed. Uniforms, `residual`, `bias` and `y`, of `Output4`, and the epilogue stand beside.

fn store_sum(pixel: u32, group: u32, sum: vec4f) {
  if (group >= uniforms.out_groups) {
    return;
  }
  var value = sum;
  if (uniforms.bias != 0u) {
    value += bias[group];
  }
  value = activate(value, uniforms.slope);
  if (uniforms.residual != 0u) {
    value = vec4f(residual[pixel * uniforms.residual_stride + uniforms.residual_offset + group]) + uniforms.alpha * value;
  }
  y[pixel * uniforms.y_stride + uniforms.y_offset + group] = Output4(value);
}
