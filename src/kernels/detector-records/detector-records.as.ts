// From the heads of the detector's three levels to a record of 16 values for each prior: the two scores after softmax, 4 values of the box, 10
// of the landmarks. A pixel of a level has 2 priors; its 32 channels are 2x2 logits, 2x4 of boxes, 2x10 of landmarks. A part is a run of
// pixels, of all levels one after another.

import { bytes, exp4, splat } from '../prelude.as';

export function detectorRecords(
  part: i32,
  local: usize,
  level0: usize,
  level1: usize,
  level2: usize,
  pixels0: i32, // up to the end of each level
  pixels1: i32,
  pixels2: i32,
  run: i32, // pixels of a part
  records: usize,
): void {
  for (let pixel = part * run; pixel < min((part + 1) * run, pixels2); pixel++) {
    const level = pixel < pixels0 ? level0 : pixel < pixels1 ? level1 : level2;
    const start = pixel < pixels0 ? 0 : pixel < pixels1 ? pixels0 : pixels1;
    const head = level + (<usize>(pixel - start) << 7);
    const logits = v128.load(head);
    const difference = f32x4.sub(v128.shuffle<f32>(logits, logits, 1, 0, 3, 2), logits);
    const scores = f32x4.div(splat(1), f32x4.add(splat(1), exp4(difference)));
    let to = records + (<usize>pixel << 7);
    v128.store64_lane(to, scores, 0);
    v128.store64_lane(to + 64, scores, 1);
    for (let anchor = 0; anchor < 2; anchor++, to += 64) {
      v128.store(to, v128.load(head + bytes(4 + anchor * 4)), 8);
      const landmarks = head + bytes(12 + anchor * 10);
      v128.store(to, v128.load(landmarks), 24);
      v128.store(to, v128.load(landmarks, 16), 40);
      store<u64>(to, load<u64>(landmarks, 32), 56);
    }
  }
}
