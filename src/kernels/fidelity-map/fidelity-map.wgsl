// The mean of a map over squares of box x box pixels. One invocation for each square, which is summed in rows, as differences from its
// first value: a constant map stays what it is to the last bit.

struct Uniforms {
  side: u32,  // of the output
  box: u32,
  count: u32, // pictures times side times side
}

@group(0) @binding(0) var<storage, read> fidelity: array<f32>;  // [n, side * box, side * box]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;   // [n, side, side]
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let width = uniforms.side * uniforms.box;
  // Rows of all pictures follow each other.
  let corner = index / uniforms.side * uniforms.box * width + index % uniforms.side * uniforms.box;
  let first = fidelity[corner];
  var sum = 0.0;
  for (var row = 0u; row < uniforms.box; row++) {
    for (var column = 0u; column < uniforms.box; column++) {
      sum += fidelity[corner + row * width + column] - first;
    }
  }
  y[index] = first + sum / f32(uniforms.box * uniforms.box);
}
