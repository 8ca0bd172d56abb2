// The second output of layer-norm.wgsl: y + position, the same positions for every batch item.

@group(0) @binding(4) var<storage, read> position: array<vec4f>;  // [tokens, groups]
@group(0) @binding(5) var<storage, read_write> y_position: array<Store4>;

fn write_position(row: u32, group: u32, value: vec4f) {
  y_position[row * uniforms.p_stride + uniforms.p_offset + group] = Store4(value + position[row % uniforms.tokens * uniforms.groups + group]);
}
