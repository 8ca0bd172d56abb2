// Reductions over rows, one invocation for each row: what is to be reduced is already whole.

const LANES = 1u;            // invocations that share a row

fn row_sum(lane: u32, value: f32) -> f32 {
  return value;
}

fn row_max(lane: u32, value: f32) -> f32 {
  return value;
}
