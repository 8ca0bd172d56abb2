// One face from frame to frame: its landmarks without the detector's trembling, and its codes for as long as it hardly moves, since new ones for
// every frame would flicker.

/** Below this share of the distance of the eyes, landmarks tremble; above the second one the face moves, and nothing is smoothed. */
const [STILL, MOVING] = [0.01, 0.1];

/** The least weight of new landmarks. */
const LEAST_WEIGHT = 0.15;

/** Codes are taken anew when the face has moved by this share of the distance of the eyes since, and at the latest after so many frames. */
const HELD_DISTANCE = 0.08;
const HELD_FRAMES = 60;

/** A face that moves by more than the distance of its eyes from one frame to the next is another one. */
const JUMP = 1;

export class FaceTrack {
  landmarks = null;
  #codes = null;

  /** The face of the next frame, or undefined where there is none. Returns its landmarks, and the codes that it keeps, or null. */
  follow(face) {
    if (!face) {
      this.landmarks = null;
      this.#codes = null;
      return null;
    }
    const moved = this.landmarks ? distance(face.landmarks, this.landmarks) : Number.POSITIVE_INFINITY;
    if (moved > JUMP) {
      this.landmarks = face.landmarks;
      this.#codes = null;
    } else {
      const weight = Math.min(1, Math.max(LEAST_WEIGHT, (moved - STILL) / (MOVING - STILL)));
      this.landmarks = this.landmarks.map(([x, y], i) => {
        const [newX, newY] = face.landmarks[i];
        return [x + weight * (newX - x), y + weight * (newY - y)];
      });
    }
    const held = this.#codes;
    if (held && (distance(this.landmarks, held.landmarks) > HELD_DISTANCE || ++held.frames >= HELD_FRAMES))
      this.#codes = null;
    return { landmarks: this.landmarks, indices: this.#codes?.indices ?? null };
  }

  /** The codes that the network found, to be kept. */
  hold(indices) {
    this.#codes = { indices, landmarks: this.landmarks, frames: 0 };
  }
}

/** The mean distance of landmarks, as a share of that of the eyes. */
function distance(a, b) {
  const apart = ([x, y], [otherX, otherY]) => Math.hypot(x - otherX, y - otherY);
  return a.reduce((sum, point, i) => sum + apart(point, b[i]), 0) / a.length / apart(b[0], b[1]);
}
