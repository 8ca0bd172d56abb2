// The detector as callers use it, on generated weights; what its numbers are, the oracle tests check.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Size } from '../../src/image/geometry.js';
import { generatedWeights } from '../../src/models/networks.js';
import { decodeRecords, suppress } from '../../src/models/retinaface/decode.js';
import { detectFaces } from '../../src/models/retinaface/detect.js';
import { type Detection, RetinaFace } from '../../src/models/retinaface/retinaface.js';
import { DevicePicture } from '../../src/pixels/device-picture.js';
import { testDevice } from '../device.js';

function pictureOf(width: number, height: number, channels = 4) {
  const data = Uint8Array.from(
    { length: channels * width * height },
    (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255,
  );
  if (channels === 4) for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { data, width, height };
}

const priors = (width: number, height: number) =>
  [8, 16, 32].reduce((sum, step) => sum + 2 * Math.ceil(width / step) * Math.ceil(height / step), 0);

describe('the detector', () => {
  let detector: RetinaFace;
  beforeAll(async () => {
    detector = await RetinaFace.load(await testDevice(), generatedWeights('retinaface-mobile', undefined, 3));
  });
  afterAll(() => detector.destroy());

  test.each([
    [1, 1],
    [33, 47],
    [5, 200],
  ])('raw outputs of %i x %i pixels', async (width, height) => {
    const { loc, conf, landms } = await detector.forward(pictureOf(width, height));
    const count = priors(width, height);
    expect([loc.length, conf.length, landms.length]).toEqual([4 * count, 2 * count, 10 * count]);
    for (const values of [loc, conf, landms]) expect(values.every(Number.isFinite)).toBe(true);
    for (let i = 0; i < count; i++) expect(conf[2 * i]! + conf[2 * i + 1]!).toBeCloseTo(1, 5);
  });

  test('RGB, RGBA and pictures on the device give the same', async () => {
    const rgb = pictureOf(70, 51, 3);
    const rgba = { ...rgb, data: new Uint8Array(4 * 70 * 51).fill(7) };
    for (let i = 0; i < 70 * 51; i++) rgba.data.set(rgb.data.subarray(3 * i, 3 * i + 3), 4 * i);
    const uploaded = await DevicePicture.upload(detector.device, rgba);
    const [a, b, c] = [await detector.forward(rgb), await detector.forward(rgba), await detector.forward(uploaded)];
    uploaded.destroy();
    expect(b).toEqual(a);
    expect(c).toEqual(a);
  });

  test('every prior above the threshold is found, however many', async () => {
    const picture = pictureOf(160, 120);
    const { conf } = await detector.forward(picture);
    for (const threshold of [0, 0.5]) {
      const faces = await detector.detect(picture, { threshold, nms: 1 });
      const scores = faces.map(face => face.score);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(scores).toEqual([...conf.filter((score, i) => i % 2 === 1 && score > threshold)].sort((a, b) => b - a));
    }
    expect((await detector.detect(picture, { threshold: 0, nms: 1 })).length).toBeGreaterThan(512);
    expect(await detector.detect(picture, { threshold: 1 })).toEqual([]);
  });

  test('memory does not grow with the number of sizes', async () => {
    await detector.forward(pictureOf(128, 128));
    const { allocated } = detector.device.memory;
    for (let side = 90; side < 102; side++) await detector.detect(pictureOf(side, side + 3));
    expect(detector.device.memory.allocated).toBe(allocated);
  });

  test('calls at the same time do not disturb each other', async () => {
    const pictures = [pictureOf(64, 40), pictureOf(40, 64), pictureOf(50, 50)];
    const together = await Promise.all(pictures.map(picture => detector.forward(picture)));
    for (const [i, picture] of pictures.entries()) expect(await detector.forward(picture)).toEqual(together[i]);
  });

  test('an aborted call does not disturb the next one', async () => {
    const signal = AbortSignal.abort();
    await expect(detector.detect(pictureOf(64, 64), { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await detector.detect(pictureOf(64, 64), { threshold: 1 })).toEqual([]);
  });

  test('wrong arguments', async () => {
    const code = { code: 'INVALID_ARGUMENT' };
    await expect(detector.detect(pictureOf(8, 8), { threshold: 1.5 })).rejects.toMatchObject(code);
    await expect(detector.detect(pictureOf(8, 8), { nms: Number.NaN })).rejects.toMatchObject(code);
    await expect(detector.forward({ data: new Uint8Array(5), width: 2, height: 2 })).rejects.toMatchObject({
      code: 'INVALID_IMAGE',
    });
    await expect(detectFaces(detector, pictureOf(8, 8), { scales: [] })).rejects.toMatchObject(code);
    await expect(detectFaces(detector, pictureOf(8, 8), { threshold: 1.5 })).rejects.toMatchObject(code);
    await expect(detectFaces(detector, pictureOf(8, 8), { scales: [0] })).rejects.toMatchObject(code);
    await expect(detectFaces(detector, pictureOf(8, 8), { minEyeDistance: -1 })).rejects.toMatchObject(code);
  });

  test('weights of another network, and a network that was destroyed', async () => {
    const device = await testDevice();
    const { allocated } = device.memory;
    const wrong = generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 1);
    await expect(RetinaFace.load(device, wrong)).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
    const signal = AbortSignal.abort();
    const weights = generatedWeights('retinaface-mobile', undefined, 1);
    await expect(RetinaFace.load(device, weights, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    const other = await RetinaFace.load(device, weights);
    other.destroy();
    other.destroy();
    await expect(other.detect(pictureOf(8, 8))).rejects.toMatchObject({ code: 'DESTROYED' });
    expect(device.memory.allocated).toBe(allocated);
  });
});

describe('decoding', () => {
  const record = (prior: number, values: Partial<Record<number, number>> = {}) => {
    const one = new Float32Array(16);
    one[0] = prior;
    one[1] = 0.9;
    for (const [i, value] of Object.entries(values)) one[Number(i)] = value!;
    return one;
  };
  const size = { width: 65, height: 33 };

  test('priors: levels, rows, columns, sides', () => {
    // 9 x 5, 5 x 3 and 3 x 2 pixels, two priors each.
    const at = (prior: number) => decodeRecords(record(prior), size)[0]!.box;
    expect(at(0)).toEqual([-4, -4, 12, 12]);
    expect(at(1)).toEqual([-12, -12, 20, 20]);
    expect(at(2 * (9 + 2))).toEqual([12, 4, 28, 20]);
    expect(at(90)).toEqual([-24, -24, 40, 40]);
    expect(at(90 + 30 + 11)).toEqual([80 - 256, 48 - 256, 80 + 256, 48 + 256]);
    expect(() => at(90 + 30 + 12)).toThrow(RangeError);
  });

  test('offsets', () => {
    const [face] = decodeRecords(record(90, { 2: 1, 3: -1, 4: Math.log(2) / 0.2, 14: 10, 15: 5 }), size);
    const [left, top, right, bottom] = face!.box;
    expect((left + right) / 2).toBeCloseTo(8 + 6.4, 4);
    expect((top + bottom) / 2).toBeCloseTo(8 - 6.4, 4);
    expect(right - left).toBeCloseTo(128, 3);
    expect(bottom - top).toBeCloseTo(64, 4);
    expect(face!.landmarks[0]).toEqual([8, 8]);
    expect(face!.landmarks[4]).toEqual([8 + 64, 8 + 32]);
  });

  test('of overlapping faces the best stays', () => {
    const face = (x: number, score: number): Detection => ({ box: [x, 0, x + 10, 10], score, landmarks: [] });
    const faces = [face(0, 0.9), face(3, 0.8), face(6, 0.7), face(20, 0.6)];
    // Neighbours share 7 of 13, the first and the third 4 of 16.
    expect(suppress(faces, 0.4).map(f => f.score)).toEqual([0.9, 0.7, 0.6]);
    expect(suppress(faces, 0.6)).toEqual(faces);
    expect(suppress([], 0.4)).toEqual([]);
  });
});

describe('faces of photos', () => {
  /**
   * A detector that finds one face, from a tenth to half of what it sees, and the same from nearby. It notes the sizes.
   * @param aspect width over height of photos
   * @param nearby score of the second look
   * @param slanted scores of the looks after that
   */
  async function stub({
    aspect = 1,
    score = 0.9,
    nearby = 0.995,
    slanted = nearby,
  }: {
    aspect?: number;
    score?: number;
    nearby?: number;
    slanted?: number;
  } = {}) {
    const seen: string[] = [];
    let looks = 0;
    const device = await testDevice();
    const detect = async ({ width, height }: Size): Promise<Detection[]> => {
      seen.push(`${width}x${height}`);
      const again = width === 224 && height === 224;
      const [w, h] = again ? [140 * Math.sqrt(aspect), 140 / Math.sqrt(aspect)] : [0.4 * width, 0.4 * height];
      const [left, top] = again ? [112 - w / 2, 112 - h / 2] : [0.1 * width, 0.1 * height];
      const at = (x: number, y: number) => [left + x * w, top + y * h] as const;
      const landmarks = [at(0.25, 0.25), at(0.75, 0.25), at(0.525, 0.5), at(0.25, 0.75), at(0.75, 0.75)];
      return [
        { box: [...at(0, 0), ...at(1, 1)], score: again ? (looks++ === 0 ? nearby : slanted) : score, landmarks },
      ];
    };
    return { detector: { device, detect } as unknown as RetinaFace, seen };
  }

  test.each([
    [700, 300, '1408x608'],
    [900, 1280, '640x896'],
    [100, 100, '192x192'],
    [1, 1, '32x32'],
    [2, 700, '32x1408'],
  ])('%i x %i pixels are seen as %s', async (width, height, size) => {
    const { detector, seen } = await stub({ aspect: width / height });
    const [face] = await detectFaces(detector, pictureOf(width, height), { minEyeDistance: 0 });
    expect(seen).toEqual([size, '224x224']);
    const want = [0.1 * width, 0.1 * height, 0.5 * width, 0.5 * height];
    face!.box.forEach((value, i) => {
      expect(value).toBeCloseTo(want[i]!, 6);
    });
    expect(face!.landmarks[1]![0]).toBeCloseTo(0.4 * width, 6);
  });

  test('as the reference sees it', async () => {
    const { detector, seen } = await stub();
    const [face] = await detectFaces(detector, pictureOf(581, 612), { compat: true });
    expect(seen).toEqual(['639x674']);
    expect(face!.score).toBeCloseTo((0.9 * 581) / 640, 9);
    expect(face!.box[0]).toBeCloseTo((63.9 * 581) / 640, 6);
  });

  test('several scales are merged, equal ones looked at once', async () => {
    const { detector, seen } = await stub();
    const progress: number[] = [];
    const onProgress = (done: number) => progress.push(done);
    const faces = await detectFaces(detector, pictureOf(640, 640), { scales: [0.5, 1, 2, 4], onProgress });
    expect(seen).toEqual(['320x320', '640x640', '1280x1280', '224x224']);
    expect(faces.length).toBe(1);
  });

  test('what may be a face is looked at again, and both looks count', async () => {
    const picture = pictureOf(640, 640);
    const found = async (score: number, nearby: number, slanted = 1) => {
      const { detector } = await stub({ score, nearby, slanted });
      return (await detectFaces(detector, picture))[0]?.score ?? null;
    };
    // Odds of 1 and 81 are 9 together.
    expect(await found(0.5, 81 / 82)).toBeCloseTo(0.9, 6);
    expect(await found(81 / 82, 0.5)).toBeCloseTo(0.9, 6);
    expect(await found(0.9, 0.5, 0.5)).toBeNull();
    expect(await found(1, 1)).toBeCloseTo(0.9999, 6);
  });

  test('where the second look is not sure, those from either side are a limit', async () => {
    const picture = pictureOf(640, 640);
    const found = async (nearby: number, slanted: number) => {
      const { detector, seen } = await stub({ score: 0.95, nearby, slanted });
      return [(await detectFaces(detector, picture))[0]?.score ?? null, seen.length];
    };
    expect(await found(0.995, 0.1)).toEqual([expect.closeTo(0.984, 3), 2]);
    // A collar that looks like a face, but not so when it is turned.
    expect((await found(0.92, 0.6))[0]).toBeNull();
    // Odds of 64, 8 and 8 are 16 together, fewer than those of the first two looks.
    expect(await found(64 / 65, 8 / 9)).toEqual([expect.closeTo(16 / 17, 6), 4]);
  });

  test('faces whose eyes are near to each other are left out', async () => {
    const { detector } = await stub();
    expect(await detectFaces(detector, pictureOf(24, 24))).toEqual([]);
    expect((await detectFaces(detector, pictureOf(26, 26))).length).toBe(1);
    // The reference compares the second eye with the nose: 0.09 of 40 pixels.
    expect(await detectFaces(detector, pictureOf(40, 40), { compat: true })).toEqual([]);
  });

  test.each([1, 2, 3])('that is turned by %i quarters: found where none is upright', async turns => {
    const device = await testDevice();
    // One pixel stands for a face, upright where it is above the middle and left of it.
    const [width, height] = [96, 64];
    const marked = (x: number, y: number) => {
      const data = new Uint8ClampedArray(4 * width * height).fill(255);
      for (let dy = 0; dy < 8; dy++) data.fill(0, 4 * ((y + dy) * width + x), 4 * ((y + dy) * width + x + 8));
      return { data, width, height };
    };
    const detect = async (seen: DevicePicture): Promise<Detection[]> => {
      const { data, width: w } = await seen.read();
      const at = data.indexOf(0) / 4;
      const [x, y] = [at % w, Math.floor(at / w)];
      if (x > w / 2 || y > seen.height / 2) return [];
      // From nearby it is larger.
      const side = w === 224 ? 140 : 16;
      const landmarks = [0, 0.75, 0, 0, 0].map(part => [x + part * side, y] as const);
      return [{ box: [x, y, x + side, y + side], score: 0.995, landmarks }];
    };
    const detector = { device, detect } as unknown as RetinaFace;
    // Turned to the left by quarters, the corner goes from the upper right over the lower right to the lower left.
    const corners: readonly [number, number][] = [
      [80, 8],
      [80, 48],
      [8, 48],
    ];
    const [x, y] = corners[turns - 1]!;
    const uploaded = await DevicePicture.upload(device, marked(x, y));
    const faces = await detectFaces(detector, uploaded, { minEyeDistance: 0 });
    const compat = await detectFaces(detector, uploaded, { minEyeDistance: 0, compat: true });
    uploaded.destroy();
    expect([faces.length, compat.length]).toEqual([1, 0]);
    const [left, top, right, bottom] = faces[0]!.box;
    expect(left - 12 <= x && x <= right + 12 && top - 12 <= y && y <= bottom + 12).toBe(true);
    const [[ax, ay], [bx, by]] = faces[0]!.landmarks as [[number, number], [number, number]];
    const angle = Math.round((Math.atan2(by - ay, bx - ax) * 2) / Math.PI);
    expect((angle + 4) % 4).toBe(turns);
  });

  test('a photo on the device', async () => {
    const { detector, seen } = await stub({ aspect: 1.5 });
    const uploaded = await DevicePicture.upload(detector.device, pictureOf(300, 200));
    const { allocated } = detector.device.memory;
    expect((await detectFaces(detector, uploaded)).length).toBe(1);
    expect(detector.device.memory.allocated).toBe(allocated);
    uploaded.destroy();
    expect(seen).toEqual(['608x416', '224x224']);
  });
});
