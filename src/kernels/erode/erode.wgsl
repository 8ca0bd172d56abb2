// Minimum over windows of k values along one axis of f32 planes [planes, height, width]; two passes make a k x k erosion. After
// van Herk and Gil-Werman: windows that begin in one block of k values end in the next, so each minimum is one over the rest of
// a block and one over the beginning of the next, and the cost does not depend on k.
//
// One invocation for each block of a line: it runs over the block backwards and over the next one forwards, keeping the partial
// minima in y. What is outside of the plane counts as infinite.

override VERTICAL: bool;

struct Uniforms {
  width: u32,
  height: u32,
  k: u32,      // side of the window
  planes: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

const INFINITE = 3.40282e38;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = vec2u(uniforms.width, uniforms.height);
  let k = i32(uniforms.k);
  let count = i32(select(size.x, size.y, VERTICAL));
  let lines = select(size.y, size.x, VERTICAL);
  // Neighbours in a workgroup are neighbours in memory.
  let line = select(id.y, id.x, VERTICAL);
  let block = i32(select(id.x, id.y, VERTICAL));
  let step = select(1u, size.x, VERTICAL);
  // The window of value i begins at i - k / 2; the block holds the beginnings.
  let anchor = k / 2;
  let begin = block * k - anchor;
  if (line >= lines || id.z >= uniforms.planes || begin + anchor >= count) {
    return;
  }
  let base = id.z * size.x * size.y + line * select(size.x, 1u, VERTICAL);
  let end = begin + k;
  var least = INFINITE;
  for (var i = min(end, count) - 1; i >= begin; i--) {
    if (i >= 0) {
      least = min(least, x[base + u32(i) * step]);
    }
    if (i + anchor < count) {
      y[base + u32(i + anchor) * step] = least;
    }
  }
  // The first window ends with the block.
  least = INFINITE;
  for (var i = end; i < min(end, count - anchor) + k - 1; i++) {
    if (i < count) {
      least = min(least, x[base + u32(i) * step]);
    }
    let at = base + u32(i - k + 1 + anchor) * step;
    y[at] = min(y[at], least);
  }
}
