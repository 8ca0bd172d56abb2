// weights [out][in][taps] -> packed [out / 8][taps][in / 4][4][2] vec4: the four inputs of a vec4 stand together, for each of eight
// outputs in the order 0 4 1 5 2 6 3 7, so that one load brings one output in four, as register-tile.ts wants them. One invocation for
// each packed vec4; outputs and inputs beyond the end are zero. Values that are not finite are told by their bits: of comparisons with
// them a compiler may assume that they do not happen.

struct Uniforms {
  outputs: u32,
  inputs: u32,
  groups: u32,  // vec4 of inputs
  taps: u32,
  count: u32,   // vec4 of packed weights
  slot: u32,    // of these weights in faults
}
override FACTOR: bool;     // multiply by factor[output]
override INFINITE: u32;    // bits of the smallest magnitude that is infinite as Store

@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<Store4>;
@group(0) @binding(3) var<storage, read_write> faults: array<atomic<u32>>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = linear_index(id, groups);
  if (index >= uniforms.count) {
    return;
  }
  let group = index / 8u % uniforms.groups;
  let tap = index / 8u / uniforms.groups % uniforms.taps;
  let output = index / 8u / uniforms.groups / uniforms.taps * 8u + index % 8u / 2u + index % 2u * 4u;
  var value = vec4f(0.0);
  if (output < uniforms.outputs) {
    for (var i = 0u; i < 4u && group * 4u + i < uniforms.inputs; i++) {
      value[i] = weights[(output * uniforms.inputs + group * 4u + i) * uniforms.taps + tap];
    }
    if (FACTOR) {
      value *= factor[output];
    }
  }
  if (any((bitcast<vec4u>(value) & vec4u(0x7fffffffu)) >= vec4u(INFINITE))) {
    atomicOr(&faults[uniforms.slot], 1u);
  }
  packed[index] = Store4(value);
}
