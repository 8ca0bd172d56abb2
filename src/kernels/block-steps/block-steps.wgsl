// How much larger the steps between neighbouring pixels are at each of eight phases than beside them, in a rectangle of a picture: blocks of
// JPEG show as one phase that stands out. One invocation for each line, a row or a column, which keeps eight sums; the lines are added on
// the CPU. Luma in whole levels, so that sums are exact.

struct Uniforms {
  width: u32,    // of the picture
  rect_x: u32,
  rect_y: u32,
  rect_width: u32,
  rect_height: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;             // a pixel each, red in the low byte
@group(0) @binding(1) var<storage, read_write> sums: array<i32>;    // [height + width of the rectangle, 8]: rows, then columns
@group(1) @binding(0) var<uniform> uniforms: Uniforms;

fn luma(at: vec2u) -> i32 {
  let pixel = x[(uniforms.rect_y + at.y) * uniforms.width + uniforms.rect_x + at.x];
  let colour = (vec3u(pixel) >> vec3u(0u, 8u, 16u)) & vec3u(255u);
  return i32((colour.x * 19595u + colour.y * 38470u + colour.z * 7471u + 32768u) >> 16u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let line = id.x;
  if (line >= uniforms.rect_height + uniforms.rect_width) {
    return;
  }
  let along_row = line < uniforms.rect_height;
  let length = select(uniforms.rect_height, uniforms.rect_width, along_row);
  let start = select(vec2u(line - uniforms.rect_height, 0u), vec2u(0u, line), along_row);
  let next = select(vec2u(0u, 1u), vec2u(1u, 0u), along_row);
  let origin = select(uniforms.rect_y, uniforms.rect_x, along_row);
  for (var phase = 0u; phase < 8u; phase++) {
    sums[8u * line + phase] = 0;
  }
  if (length < 4u) {
    return;
  }
  var a = luma(start);
  var b = luma(start + next);
  var c = luma(start + 2u * next);
  for (var i = 3u; i < length; i++) {
    let d = luma(start + i * next);
    // The step from b to c, whose second pixel is i - 1, against its neighbours; twice, to stay whole.
    let over = 2 * abs(c - b) - abs(b - a) - abs(d - c);
    sums[8u * line + ((origin + i - 1u) & 7u)] += over;
    a = b;
    b = c;
    c = d;
  }
}
