// From the heads of the detector's three levels to a record of 16 values for each prior: the two scores after softmax, 4 values of the
// box, 10 of the landmarks. A pixel of a level has 2 priors; its 32 channels are 2x2 logits, 2x4 of boxes, 2x10 of landmarks.
// One invocation for each prior.

struct Uniforms {
  pixels_0: u32, // up to the end of each level
  pixels_1: u32,
  pixels_2: u32,
}

@group(0) @binding(0) var<storage, read> level_0: array<f32>;
@group(0) @binding(1) var<storage, read> level_1: array<f32>;
@group(0) @binding(2) var<storage, read> level_2: array<f32>;
@group(0) @binding(3) var<storage, read_write> records: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn head(pixel: u32, channel: u32) -> f32 {
  if (pixel < uniforms.pixels_0) {
    return level_0[pixel * 32u + channel];
  }
  if (pixel < uniforms.pixels_1) {
    return level_1[(pixel - uniforms.pixels_0) * 32u + channel];
  }
  return level_2[(pixel - uniforms.pixels_1) * 32u + channel];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let prior = linear_index(id, workgroups);
  let pixel = prior / 2u;
  let anchor = prior % 2u;
  if (pixel >= uniforms.pixels_2) {
    return;
  }
  let logits = vec2f(head(pixel, anchor * 2u), head(pixel, anchor * 2u + 1u));
  let difference = logits.y - logits.x;
  let scores = 1.0 / (1.0 + exact_exp(vec4f(difference, -difference, 0.0, 0.0)));
  records[prior * 16u] = scores.x;
  records[prior * 16u + 1u] = scores.y;
  for (var i = 0u; i < 4u; i++) {
    records[prior * 16u + 2u + i] = head(pixel, 4u + anchor * 4u + i);
  }
  for (var i = 0u; i < 10u; i++) {
    records[prior * 16u + 6u + i] = head(pixel, 12u + anchor * 10u + i);
  }
}
