// Masks, see frame.wgsl, labels.wgsl, minimum-gap.wgsl and shape.wgsl. A part is some pixels, or some rows.

import { bytes, madd, splat } from '../prelude.as';
import { load4, store4 } from '../pixels.as';

/** Masks that are 1 but for the rounding of sums of weights. */
const NEARLY_FULL: f32 = 2e-6;

/** Values of labels, zero for those without one, and what they lack of 1 where a gap is asked for. */
export function maskOfLabels(
  part: i32,
  local: usize,
  labels: usize, // bytes
  values: usize,
  count: i32, // of values
  y: usize,
  pixels: i32,
  gap: i32,
  each: i32, // pixels of a part
): void {
  memory.fill(local, 0, 1024);
  memory.copy(local, values, bytes(min(count, 256)));
  const end = min(part * each + each, pixels);
  for (let i = part * each; i < end; i++) {
    const value = load<f32>(local + bytes(load<u8>(labels + i)));
    store<f32>(y + bytes(i), value);
    if (gap) store<f32>(y + bytes(pixels + i), 1 - value);
  }
}

/** A mask with its outermost rows and columns set to zero, and a gap of 1 there. */
export function maskInFrame(
  part: i32,
  local: usize,
  x: usize,
  y: usize,
  width: i32,
  height: i32,
  border: i32,
  gap: i32,
  each: i32, // rows of a part
): void {
  const end = min(part * each + each, height);
  const plane = bytes(width * height);
  for (let row = part * each; row < end; row++) {
    const at = bytes(row * width);
    const inside = row >= border && row < height - border;
    framedRow(x + at, y + at, width, inside ? border : width, 0);
    if (gap) framedRow(x + plane + at, y + plane + at, width, inside ? border : width, 1);
  }
}

function framedRow(x: usize, y: usize, width: i32, border: i32, outside: f32): void {
  const begin = min(border, width);
  const end = max(begin, width - border);
  for (let i = 0; i < begin; i++) store<f32>(y + bytes(i), outside);
  memory.copy(y + bytes(begin), x + bytes(begin), bytes(end - begin));
  for (let i = end; i < width; i++) store<f32>(y + bytes(i), outside);
}

/** The smaller of two masks, and what it lacks of 1. */
export function minimumOfMasks(
  part: i32,
  local: usize,
  a: usize, // mask, then gap
  b: usize,
  coverage: usize,
  y: usize, // mask, then gap
  pixels: i32,
  full: f32, // what b is where it is nearly 1
  each: i32, // pixels of a part, a multiple of 4
): void {
  const plane = bytes(pixels);
  const end = min(part * each + each, pixels);
  for (let i = part * each; i < end; i += 4) {
    const count = end - i;
    const at = bytes(i);
    const plain = load4(b + at, count);
    const nearly = f32x4.lt(f32x4.abs(f32x4.sub(plain, splat(1))), splat(NEARLY_FULL));
    const other = v128.bitselect(splat(full), plain, nearly);
    store4(y + at, f32x4.pmin(load4(a + at, count), other), count);
    const lack = f32x4.add(load4(a + plane + at, count), f32x4.sub(splat(1), load4(coverage + at, count)));
    store4(y + plane + at, f32x4.pmax(lack, f32x4.sub(splat(1), other)), count);
  }
}

/** A square or an ellipse with a soft edge; `x` is another mask, of which the smaller one is taken, or 0. */
export function maskOfShape(
  part: i32,
  local: usize,
  x: usize,
  y: usize,
  width: i32,
  height: i32,
  ellipse: i32,
  uX: f32, // u = uX column + uY row + u1, v likewise
  uY: f32,
  u1: f32,
  vX: f32,
  vY: f32,
  v1: f32,
  feather: f32,
  each: i32, // rows of a part
): void {
  const end = min(part * each + each, height);
  for (let row = part * each; row < end; row++) {
    const down = splat(<f32>row);
    const uRow = f32x4.mul(splat(uY), down);
    const vRow = f32x4.mul(splat(vY), down);
    for (let i = 0; i < width; i += 4) {
      const column = f32x4.add(splat(<f32>i), f32x4(0, 1, 2, 3));
      const u = f32x4.add(madd(splat(uX), column, uRow), splat(u1));
      const v = f32x4.add(madd(splat(vX), column, vRow), splat(v1));
      const reach = ellipse
        ? f32x4.sqrt(madd(u, u, f32x4.mul(v, v)))
        : f32x4.pmax(f32x4.abs(u), f32x4.abs(v));
      const share = f32x4.div(f32x4.sub(splat(1), reach), splat(feather));
      const t = f32x4.pmin(f32x4.pmax(share, splat(0)), splat(1));
      let value = f32x4.mul(f32x4.mul(t, t), f32x4.sub(splat(3), f32x4.mul(splat(2), t)));
      const at = bytes(row * width + i);
      if (x) value = f32x4.pmin(value, load4(x + at, width - i));
      store4(y + at, value, width - i);
    }
  }
}
