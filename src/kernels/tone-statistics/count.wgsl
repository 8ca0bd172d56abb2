// What colours go with each level of grey: for all pixels of a grey, 0 to 255, their number, the sums of red, green and blue, and those of
// the squares of red and blue. One invocation for each pixel that is looked at, of large pictures every so many; so few that all squares
// fit into 32 bits. Integers, so that the result is exact whatever the order; no barriers, which software adapters take seconds to compile.

struct Uniforms {
  pixels: u32,
  step: u32,    // from one pixel to the next that is looked at
}

@group(0) @binding(0) var<storage, read> x: array<u32>;                      // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read_write> sums: array<atomic<u32>>;    // [6, 256]
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x * uniforms.step;
  if (at >= uniforms.pixels) {
    return;
  }
  let colour = (vec3u(x[at]) >> vec3u(0u, 8u, 16u)) & vec3u(255u);
  let grey = (colour.x * 19595u + colour.y * 38470u + colour.z * 7471u + 32768u) >> 16u;
  atomicAdd(&sums[grey], 1u);
  atomicAdd(&sums[256u + grey], colour.x);
  atomicAdd(&sums[512u + grey], colour.y);
  atomicAdd(&sums[768u + grey], colour.z);
  atomicAdd(&sums[1024u + grey], colour.x * colour.x);
  atomicAdd(&sums[1280u + grey], colour.z * colour.z);
}
