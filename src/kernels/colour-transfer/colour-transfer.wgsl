// A picture in grey with the mean and contrast of another: y = clamp(grey * factor + shift, 0, 255) for each of three channels, as
// f32 planes [3, pixels]. One invocation for each pixel.

@group(0) @binding(0) var<storage, read> x: array<u32>;      // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read> affine: array<f32>; // factors of the three channels, then shifts
@group(0) @binding(2) var<storage, read> sizes: array<u32>;  // pixels
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * 64u;
  let count = sizes[0];
  if (index >= count) {
    return;
  }
  let colour = vec3f((vec3u(x[index]) >> vec3u(0u, 8u, 16u)) & vec3u(255u));
  let grey = colour.x * 0.2989 + colour.y * 0.587 + colour.z * 0.114;
  for (var c = 0u; c < 3u; c++) {
    y[c * count + index] = clamp(grey * affine[c] + affine[3u + c], 0.0, 255.0);
  }
}
