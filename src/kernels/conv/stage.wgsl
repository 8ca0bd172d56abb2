// Copies the rows that a strip of output reads into scratch, in f32, with everything done to them that would otherwise be done for
// each tap and block of output channels: norm, swish, nearest upsampling, padding. The tiles then read without a single test.
//
// x: pictures as laid out. staged: [rows][columns][groups] vec4, a few rows and columns more than the padded picture has, so that
// ragged tiles stay inside. One invocation for each vec4 of staged. `struct Plan` of conv-registers.ts stands before.

@group(0) @binding(0) var<storage, read> x: array<Store4>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> shift: array<vec4f>;
@group(0) @binding(3) var<storage, read> plan: Plan;
@group(0) @binding(4) var<storage, read_write> staged: array<vec4f>;

// Nearest index inside of `size`, after mirroring without repeating the border where asked for.
fn inside(i: i32, size: u32, mirror: bool) -> u32 {
  let last = i32(size) - 1;
  let folded = select(i, last - abs(last - abs(i)), mirror);
  return u32(clamp(folded, 0, last));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let c = index % plan.groups;
  let column = index / plan.groups % plan.staged_columns;
  let row = index / plan.groups / plan.staged_columns;
  if (row >= plan.staged_rows) {
    return;
  }
  let n = plan.strip / plan.strips;
  let y = i32(plan.strip % plan.strips * plan.rows * plan.stride + row) - i32(plan.pad_top);
  let x_ = i32(column) - i32(plan.pad_left);
  let mirror = plan.mirror != 0u;
  var value = vec4f(0.0);
  if (mirror || (y >= 0 && y < i32(plan.height) && x_ >= 0 && x_ < i32(plan.width))) {
    let from_y = inside(y, plan.height, mirror) >> plan.upsample;
    let from_x = inside(x_, plan.width, mirror) >> plan.upsample;
    let pixel = (n * (plan.height >> plan.upsample) + from_y) * (plan.width >> plan.upsample) + from_x;
    value = vec4f(x[pixel * plan.x_stride + plan.x_offset + c]);
    if (plan.prologue != 0u) {
      value = value * scale[n * plan.groups + c] + shift[n * plan.groups + c];
    }
    if (plan.prologue == 2u) {
      value = swish(value);
    }
  }
  staged[index] = value;
}
