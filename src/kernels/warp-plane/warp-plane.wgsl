// Affine warp of f32 planes [planes, height, width], bilinear, zero outside of the source. One invocation for each value of the
// target rectangle. Positions as in warp-affine: COMPAT is OpenCV's grid of 1/32 pixel, else they are exact to 2^-22 pixel, with
// the mean of SAMPLES x SAMPLES samples.

override COMPAT: bool;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> columns: array<vec4i>; // for each column of y: whole (x, y), fraction (x, y) as f32 bits
@group(0) @binding(2) var<storage, read> rows: array<vec4i>;    // for each row of y; in compat mode (x, y) in 1/1024 pixel
// Width and height of x and of y, place of x in its picture, samples, planes, steps of x and of y in x along a row and column.
@group(0) @binding(3) var<storage, read> sizes: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn bilinear(place: vec2i, f: vec2f, plane: u32) -> f32 {
  let size = vec2i(i32(sizes[0]), i32(sizes[1]));
  if (place.x < -1 || place.y < -1 || place.x >= size.x || place.y >= size.y) {
    return 0.0;
  }
  let near = clamp(place, vec2i(0), size - 1);
  let far = clamp(place + 1, vec2i(0), size - 1);
  let upper = (i32(plane) * size.y + near.y) * size.x;
  let lower = (i32(plane) * size.y + far.y) * size.x;
  let inside = vec4<bool>(near == place, far == place + 1);
  let p = vec4f(
    select(0.0, x[upper + near.x], inside.x && inside.y),
    select(0.0, x[upper + far.x], inside.z && inside.y),
    select(0.0, x[lower + near.x], inside.x && inside.w),
    select(0.0, x[lower + far.x], inside.z && inside.w),
  );
  let g = 1.0 - f;
  return p.x * (g.x * g.y) + p.y * (f.x * g.y) + p.z * (g.x * f.y) + p.w * (f.x * f.y);
}

fn fixed(position: vec2i, plane: u32) -> f32 {
  let grid = position >> vec2u(5u);
  let place = clamp(grid >> vec2u(5u), vec2i(-32768), vec2i(32767)) - vec2i(i32(sizes[4]), i32(sizes[5]));
  return bilinear(place, vec2f(grid & vec2i(31)) / 32.0, plane);
}

fn exact(place: vec2i, fraction: vec2f, plane: u32) -> f32 {
  let count = sizes[6];
  let along_row = vec2f(bitcast<f32>(sizes[8]), bitcast<f32>(sizes[9]));
  let along_column = vec2f(bitcast<f32>(sizes[10]), bitcast<f32>(sizes[11]));
  var sum = 0.0;
  for (var j = 0u; j < count; j++) {
    for (var i = 0u; i < count; i++) {
      let shift = (vec2f(f32(i), f32(j)) + 0.5) / f32(count) - 0.5;
      let at = fraction + along_row * shift.x + along_column * shift.y;
      let cell = floor(at);
      sum += bilinear(place + vec2i(cell), at - cell, plane);
    }
  }
  return sum / f32(count * count);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= sizes[2] || id.y >= sizes[3] || id.z >= sizes[7]) {
    return;
  }
  let column = columns[id.x];
  let row = rows[id.y];
  let place = column.xy + row.xy;
  var value: f32;
  if (COMPAT) {
    value = fixed(place, id.z);
  } else {
    value = exact(place, bitcast<vec2f>(column.zw) + bitcast<vec2f>(row.zw), id.z);
  }
  y[(id.z * sizes[3] + id.y) * sizes[2] + id.x] = value;
}
