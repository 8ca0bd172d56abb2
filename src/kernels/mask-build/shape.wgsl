// A square or an ellipse with a soft edge: in the shape's own coordinates (u, v) it reaches to 1, is full up to 1 - feather, and
// falls off smoothly in between. One invocation for each pixel. WITHIN: the smaller of this and another mask.

override ELLIPSE: bool;
override WITHIN: bool;

struct Uniforms {
  width: u32,
  height: u32,
  u_x: f32,     // u = u_x x + u_y y + u_1, v likewise
  u_y: f32,
  u_1: f32,
  v_x: f32,
  v_y: f32,
  v_1: f32,
  feather: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;      // the other mask, if there is one
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= uniforms.width || id.y >= uniforms.height) {
    return;
  }
  let at = vec2f(id.xy);
  let u = uniforms.u_x * at.x + uniforms.u_y * at.y + uniforms.u_1;
  let v = uniforms.v_x * at.x + uniforms.v_y * at.y + uniforms.v_1;
  let reach = select(max(abs(u), abs(v)), length(vec2f(u, v)), ELLIPSE);
  var value = smoothstep(0.0, 1.0, (1.0 - reach) / uniforms.feather);
  let index = id.y * uniforms.width + id.x;
  if (WITHIN) {
    value = min(value, x[index]);
  }
  y[index] = value;
}
