// The mean of a map over squares of BOX x BOX pixels. One invocation for each square, which is summed in rows, as differences from its
// first value: a constant map stays what it is to the last bit.

override SIDE: u32;          // of the output
override BOX: u32;
override COUNT: u32;         // pictures times SIDE times SIDE

@group(0) @binding(0) var<storage, read> fidelity: array<f32>;  // [n, SIDE * BOX, SIDE * BOX]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;   // [n, SIDE, SIDE]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  if (index >= COUNT) {
    return;
  }
  let width = SIDE * BOX;
  // Rows of all pictures follow each other.
  let corner = index / SIDE * BOX * width + index % SIDE * BOX;
  let first = fidelity[corner];
  var sum = 0.0;
  for (var row = 0u; row < BOX; row++) {
    for (var column = 0u; column < BOX; column++) {
      sum += fidelity[corner + row * width + column] - first;
    }
  }
  y[index] = first + sum / f32(BOX * BOX);
}
