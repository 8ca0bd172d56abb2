// No second output of layer-norm.wgsl.

fn write_position(row: u32, group: u32, value: vec4f) {}
