// Partial sums over 8-bit pixels for means, variances and covariances of the colours: red, green, blue, their squares, and the
// squares of red - green, green - blue and blue - red. Integers, so that the result is exact whatever the order. Each invocation
// adds LENGTH pixels; the few sums left are added on the CPU.

override LENGTH: u32; // at most 66,051: squares fit into 32 bits

struct Uniforms {
  pixels: u32,
  parts: u32,  // invocations, each with its own sums
}

@group(0) @binding(0) var<storage, read> x: array<u32>;     // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read_write> sums: array<u32>; // [parts, 9]
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  let parts = uniforms.parts;
  if (index >= parts) {
    return;
  }
  var sum = vec3u();
  var squares = vec3u();
  var differences = vec3u();
  // Neighbours read neighbouring pixels.
  for (var i = 0u; i < LENGTH; i++) {
    let at = index + i * parts;
    if (at < uniforms.pixels) {
      let pixel = x[at];
      let colour = vec3i((vec3u(pixel) >> vec3u(0u, 8u, 16u)) & vec3u(255u));
      let difference = colour - colour.yzx;
      sum += vec3u(colour);
      squares += vec3u(colour * colour);
      differences += vec3u(difference * difference);
    }
  }
  let to = 9u * index;
  sums[to] = sum.x;
  sums[to + 1u] = sum.y;
  sums[to + 2u] = sum.z;
  sums[to + 3u] = squares.x;
  sums[to + 4u] = squares.y;
  sums[to + 5u] = squares.z;
  sums[to + 6u] = differences.x;
  sums[to + 7u] = differences.y;
  sums[to + 8u] = differences.z;
}
