// Second pass of the Lanczos resize: rows. One invocation for each pixel of y, which reads eight sums of the first pass; 22
// fractional bits are rounded off and the result saturates. PREMULTIPLIED: colours are divided by the alpha they were multiplied by,
// in float32, since their sums pass 32 bits.

override PREMULTIPLIED: bool;

struct Uniforms {
  width: u32,    // of y
  sum_rows: u32, // of x that the band needs
  begin: u32,    // first row of the band in y
  rows: u32,     // of the band
}

@group(0) @binding(0) var<storage, read> sums: array<vec4i>;         // [rows of the band in x, width of y]
@group(0) @binding(1) var<storage, read> rows: array<i32>;           // first row of the sums, for each row of the band
@group(0) @binding(2) var<storage, read> row_weights: array<vec4i>;  // two for each row of the band
@group(0) @binding(3) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let width = uniforms.width;
  if (id.x >= width || id.y >= uniforms.rows) {
    return;
  }
  let last = i32(uniforms.sum_rows) - 1;
  let first = rows[id.y];
  var sum = vec4i(1 << 21u);
  var seen = vec4f();
  for (var half = 0; half < 2; half++) {
    let weights = row_weights[2u * id.y + u32(half)];
    let at = vec4u(clamp(vec4i(first + 4 * half) + vec4i(0, 1, 2, 3), vec4i(0), vec4i(last))) * width + id.x;
    sum += sums[at.x] * weights.x + sums[at.y] * weights.y + sums[at.z] * weights.z + sums[at.w] * weights.w;
    if (PREMULTIPLIED) {
      let w = vec4f(weights);
      seen += vec4f(sums[at.x]) * w.x + vec4f(sums[at.y]) * w.y + vec4f(sums[at.z]) * w.z + vec4f(sums[at.w]) * w.w;
    }
  }
  var bytes = vec4u(clamp(sum >> vec4u(22u), vec4i(0), vec4i(255)));
  if (PREMULTIPLIED) {
    let colour = select(vec3f(), seen.xyz / seen.w, bytes.w > 0u);
    bytes = vec4u(vec3u(clamp(round(colour), vec3f(0.0), vec3f(255.0))), bytes.w);
  }
  y[(id.y + uniforms.begin) * width + id.x] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
}
