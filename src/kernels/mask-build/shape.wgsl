// A square or an ellipse with a soft edge: in the shape's own coordinates (u, v) it reaches to 1, is full up to 1 - feather, and
// falls off smoothly in between. One invocation for each pixel. WITHIN: the smaller of this and another mask.

override ELLIPSE: bool;
override WITHIN: bool;

@group(0) @binding(0) var<storage, read> affine: array<f32>; // u = [0] x + [1] y + [2], v = [3] x + [4] y + [5]; feather
@group(0) @binding(1) var<storage, read> sizes: array<u32>;  // width, height
@group(0) @binding(2) var<storage, read> x: array<f32>;      // the other mask, if there is one
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= sizes[0] || id.y >= sizes[1]) {
    return;
  }
  let at = vec2f(id.xy);
  let u = affine[0] * at.x + affine[1] * at.y + affine[2];
  let v = affine[3] * at.x + affine[4] * at.y + affine[5];
  let reach = select(max(abs(u), abs(v)), length(vec2f(u, v)), ELLIPSE);
  var value = smoothstep(0.0, 1.0, (1.0 - reach) / affine[6]);
  let index = id.y * sizes[0] + id.x;
  if (WITHIN) {
    value = min(value, x[index]);
  }
  y[index] = value;
}
