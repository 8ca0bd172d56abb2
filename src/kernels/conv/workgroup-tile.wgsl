// Matrix product for GPUs: 64 rows (pixels) x 64 columns (output channels) for a workgroup of 16 x 16 invocations, 4 x 4 for each.
// Sixteen inputs of all rows and columns at a time go through workgroup memory: 4 KiB for each of the two. Long sums are made of
// chunks, whose rounding is smaller.
//
// What stands before says where the operands are:
//   uniforms.size, uniforms.groups, uniforms.column_tiles           side of the filter, vec4 of inputs of each tap, tiles in a row of the product
//   struct Row; locate(row, batch) -> Row               what is to be known of a row, valid or not
//   load_input(row, ky, kx, group) -> vec4f             zero where the row is not valid
//   load_weights(column, batch, tap, group) -> vec4f    zero past the last column
//   store(row, batch, columns / 4, value)               ignores what is past the end
// Rows are spread over x and y of the grid, columns and batches over z.

const STEP = 4u;   // vec4 of inputs at a time
const CHUNK = 32u; // vec4 of inputs in a chunk

var<workgroup> inputs: array<vec4f, 256>;
var<workgroup> filters: array<vec4f, 256>;

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let first_row = (workgroup.x + workgroup.y * workgroups.x) * 64u;
  let batch = workgroup.z / uniforms.column_tiles;
  let first_column = workgroup.z % uniforms.column_tiles * 64u;
  // What this invocation brings: one row's and one column's vec4 of a step. Neighbours read neighbours: groups of a row, and the order
  // of packed weights.
  let row = locate(first_row + index / STEP, batch);
  let row_group = index % STEP;
  let column = index / 32u * 8u + index % 2u * 4u + index % 8u / 2u;
  let column_group = index / 8u % STEP;
  // Columns are kept so that the four of an invocation are 16 apart: no two neighbours use the same bank.
  let row_place = row_group * 64u + index / STEP;
  let column_place = column_group * 64u + column % 4u * 16u + column / 4u;
  let groups = uniforms.groups;
  var total_0 = vec4f(0.0);
  var total_1 = vec4f(0.0);
  var total_2 = vec4f(0.0);
  var total_3 = vec4f(0.0);
  for (var ky = 0u; ky < uniforms.size; ky++) {
    for (var kx = 0u; kx < uniforms.size; kx++) {
      let tap = ky * uniforms.size + kx;
      for (var chunk = 0u; chunk < groups; chunk += CHUNK) {
        var sum_0 = vec4f(0.0);
        var sum_1 = vec4f(0.0);
        var sum_2 = vec4f(0.0);
        var sum_3 = vec4f(0.0);
        let end = min(chunk + CHUNK, groups);
        for (var start = chunk; start < end; start += STEP) {
          var input = vec4f(0.0);
          var filter_ = vec4f(0.0);
          if (start + row_group < groups) {
            input = load_input(row, ky, kx, start + row_group);
          }
          if (start + column_group < groups) {
            filter_ = load_weights(first_column + column, batch, tap, start + column_group);
          }
          inputs[row_place] = input;
          filters[column_place] = filter_;
          workgroupBarrier();
          for (var group = 0u; group < STEP; group++) {
            let at = group * 64u;
            let w_0 = filters[at + local.x];
            let w_1 = filters[at + local.x + 16u];
            let w_2 = filters[at + local.x + 32u];
            let w_3 = filters[at + local.x + 48u];
            let x_0 = inputs[at + local.y];
            let x_1 = inputs[at + local.y + 16u];
            let x_2 = inputs[at + local.y + 32u];
            let x_3 = inputs[at + local.y + 48u];
            sum_0 += vec4f(dot(x_0, w_0), dot(x_0, w_1), dot(x_0, w_2), dot(x_0, w_3));
            sum_1 += vec4f(dot(x_1, w_0), dot(x_1, w_1), dot(x_1, w_2), dot(x_1, w_3));
            sum_2 += vec4f(dot(x_2, w_0), dot(x_2, w_1), dot(x_2, w_2), dot(x_2, w_3));
            sum_3 += vec4f(dot(x_3, w_0), dot(x_3, w_1), dot(x_3, w_2), dot(x_3, w_3));
          }
          workgroupBarrier();
        }
        total_0 += sum_0;
        total_1 += sum_1;
        total_2 += sum_2;
        total_3 += sum_3;
      }
    }
  }
  let columns = first_column / 4u + local.x;
  store(first_row + local.y, batch, columns, total_0);
  store(first_row + local.y + 16u, batch, columns, total_1);
  store(first_row + local.y + 32u, batch, columns, total_2);
  store(first_row + local.y + 48u, batch, columns, total_3);
}
