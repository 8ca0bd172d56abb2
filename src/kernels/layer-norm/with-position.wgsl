// The second output of layer-norm.wgsl: y + position, the same positions for every batch item.

override TOKENS: u32;        // of one batch item
override P_STRIDE: u32;
override P_OFFSET: u32;

@group(0) @binding(4) var<storage, read> position: array<vec4f>;  // [TOKENS, GROUPS]
@group(0) @binding(5) var<storage, read_write> y_position: array<Store4>;

fn write_position(row: u32, group: u32, value: vec4f) {
  y_position[row * P_STRIDE + P_OFFSET + group] = Store4(value + position[row % TOKENS * GROUPS + group]);
}
