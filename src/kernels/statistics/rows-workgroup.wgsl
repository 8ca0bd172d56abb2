// Reductions over rows, one workgroup for each row: a tree in workgroup memory (256 bytes), always in the same order. To be called
// by all invocations of the workgroup.

const LANES = 64u;           // invocations that share a row

var<workgroup> lanes: array<f32, 64>;

fn row_sum(lane: u32, value: f32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (lane < half) {
      lanes[lane] += lanes[lane + half];
    }
    workgroupBarrier();
  }
  let result = lanes[0];
  workgroupBarrier();
  return result;
}

fn row_max(lane: u32, value: f32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (lane < half) {
      lanes[lane] = max(lanes[lane], lanes[lane + half]);
    }
    workgroupBarrier();
  }
  let result = lanes[0];
  workgroupBarrier();
  return result;
}
