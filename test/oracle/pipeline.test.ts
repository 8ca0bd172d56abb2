// Whole photos against the original's own results: sizes, transforms, crops and composites in compat mode. As in the recordings, the
// network is replaced by an inversion with a checkerboard, the parser by one answer, the face upscaler by a bilinear resize.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Point, Size } from '../../src/image/geometry.js';
import type { Picture } from '../../src/image/picture.js';
import { decodeImage, readImageFile } from '../../src/node/images.js';
import { createRestorer } from '../../src/node/restorer.js';
import { invertAffine } from '../../src/pipeline/align.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import type { Box, FloatRgb, RestoredFace, RestoreOptions, RestoreResult } from '../../src/pipeline/types.js';
import { erode, type FloatPicture, resize, warpAffine } from '../../src/pixels/pixels.js';
import { EXECUTORS, executorNamed, testDevice } from '../device.js';
import { oracle, shared, sharedFolder } from '../shared.js';

interface Recorded {
  readonly file: string;
  readonly outputs: Readonly<Record<string, Output>>;
  readonly working_size: readonly [number, number];
  readonly gray: boolean;
  readonly faces: readonly (readonly number[])[];
  readonly landmarks: readonly (readonly (readonly number[])[])[];
  readonly affine: readonly (readonly (readonly number[])[])[];
}

interface Output {
  readonly scale: number;
  readonly file: string;
  readonly face_up?: boolean;
  readonly center?: boolean;
  readonly parse?: boolean;
  readonly box?: boolean;
}

const path = (name: string) => shared('fixtures', 'pipeline', name);
const index: Record<string, Recorded> = sharedFolder ? JSON.parse(readFileSync(path('index.json'), 'utf8')) : {};
const photos = Object.keys(index);

/** Inverts a crop under a checkerboard. */
function restoreFace({ data, width, height }: Picture): Picture {
  const restored = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [(i >> 2) % width, Math.floor((i >> 2) / width)];
    const odd = ((x >> 2) + (y >> 2)) % 2 === 1;
    restored[i] = i % 4 === 3 ? 255 : 255 - data[i]! + (odd ? 20 : -20);
  }
  return { data: restored, width, height };
}

async function enlarged<P extends Picture | FloatPicture>(picture: P, factor: number) {
  return resize(await testDevice(), picture, { width: picture.width * factor, height: picture.height * factor });
}

/** A photo as the original decodes it, which knows nothing of colour profiles. */
async function readPhoto(file: string): Promise<Picture> {
  const bytes = readFileSync(shared('images', file));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isPng = bytes.subarray(1, 4).toString() === 'PNG';
  const chunks = [bytes.subarray(0, 8)];
  for (let at = 8; isPng && at < bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    if (bytes.subarray(at + 4, at + 8).toString() !== 'iCCP') chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return decodeImage(isPng ? Buffer.concat(chunks) : bytes);
}

/** Shares of values that are off by one level and by more, and the largest difference. */
function differences(
  got: Picture,
  want: Picture,
  excluded?: Float32Array,
): { one: number; more: number; largest: number } {
  expect([got.width, got.height]).toEqual([want.width, want.height]);
  let [one, more, largest] = [0, 0, 0];
  for (let i = 0; i < want.data.length; i++) {
    if (excluded && excluded[i >> 2]! > 0) continue;
    const difference = Math.abs(got.data[i]! - want.data[i]!);
    if (difference === 1) one++;
    else if (difference > 1) more++;
    largest = Math.max(largest, difference);
  }
  const values = 0.75 * want.data.length;
  return { one: one / values, more: more / values, largest };
}

/** From the crop to the composite, as the reference pastes: half an output pixel off, or not with upscaled faces. */
function pasteMatrix(transform: Float64Array, scale: number, offset = 0.5 * scale): Float64Array {
  const matrix = invertAffine(transform).map(value => value * scale);
  matrix[2]! += offset;
  matrix[5]! += offset;
  return matrix;
}

/**
 * Where the reference's grey faces leave the range of 8 bits: it lets them wrap around, which is not imitated. Positive there, and a
 * pixel around.
 */
async function wrapped(
  faces: readonly RestoredFace[],
  size: Size,
  scale: number,
  enlargement: number,
): Promise<Float32Array> {
  const device = await testDevice();
  const marks = new Float32Array(size.width * size.height);
  for (const { crop, transform } of faces) {
    const { data } = restoreFace(crop);
    const grey = Float64Array.from({ length: data.length / 4 }, (_, i) => {
      return 0.2989 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!;
    });
    const [from, to] = [moments(grey), moments(Float64Array.from(grey, (_, i) => crop.data[4 * i]!))];
    const inside = Float32Array.from(grey, g => {
      const level = ((g - from.mean) / from.deviation) * to.deviation + to.mean;
      return level > 0 && level < 255 ? 1 : 0;
    });
    const shrunk = await erode(device, { data: inside, width: 512, height: 512 }, { size: 5 });
    const outside = { ...shrunk, data: shrunk.data.map(value => 1 - value) };
    for (const offset of [0, 0.5 * scale]) {
      const { data: warped } = await warpAffine(
        device,
        outside,
        pasteMatrix(transform, scale * enlargement, offset),
        size,
      );
      warped.forEach((value, i) => {
        marks[i]! += value;
      });
    }
  }
  return marks;
}

function moments(values: Float64Array): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance + 1e-5) };
}

/** The reference's frames around faces, blended in green. */
async function withFrames(result: RestoreResult, { width, height, data }: Picture, scale: number): Promise<Picture> {
  const device = await testDevice();
  const drawn = Float64Array.from(data);
  for (const face of result.faces) {
    const matrix = pasteMatrix(face.transform, scale);
    const frame = { data: new Float32Array(512 * 512).fill(1), width: 512, height: 512 };
    const size = { width, height, compat: true };
    const whole = await warpAffine(device, frame, matrix, size);
    const eroded = await erode(device, whole, { size: 2 * scale });
    const covered = eroded.data.reduce((sum, value) => sum + value, 0);
    const border = Math.trunc(1400 / Math.sqrt(covered));
    for (let y = border; y < 512 - border; y++) frame.data.fill(0, 512 * y + border, 512 * (y + 1) - border);
    const mask = await warpAffine(device, frame, matrix, size);
    mask.data.forEach((m, i) => {
      for (let c = 0; c < 3; c++) drawn[4 * i + c] = m * (c === 1 ? 255 : 0) + (1 - m) * drawn[4 * i + c]!;
    });
  }
  return { data: Uint8ClampedArray.from(drawn), width, height };
}

oracle.each(EXECUTORS)('compat mode on %s', executor => {
  let restorer: Restorer;
  let labels: Uint8Array;
  beforeAll(async () => {
    const detector = shared('weights', 'retinaface-mobile0.25', 'legacy.pth');
    restorer = await createRestorer({ weights: null, detector, upscaler: null, device: await executorNamed(executor) });
    const { data } = await readImageFile(path('labels.png'));
    labels = Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]!);
  });
  afterAll(() => restorer?.destroy());

  /** The faces that the original found, so that errors of the detector are not seen twice. */
  const recordedFaces = ({ faces, landmarks }: Recorded) => {
    return ({ width, height }: Picture) => {
      const enlargement = Math.max(1, 512 / Math.min(width, height));
      return faces.map((row, i) => ({
        box: row.slice(0, 4).map(value => value / enlargement) as unknown as Box,
        score: row[4]!,
        landmarks: landmarks[i]!.map(([x, y]): Point => [x! / enlargement, y! / enlargement]),
      }));
    };
  };

  const optionsOf = ({ scale, face_up = false, center = false, parse = true }: Output): RestoreOptions => ({
    compat: true,
    upscaling: scale,
    onlyCenterFace: center,
    restoreFace,
    ...(parse && { parseFace: () => labels }),
    ...(face_up && {
      upscale: async (picture: Picture, factor: number) => enlarged(picture, factor),
      upscaleFloat: async ({ data, width, height }: FloatRgb, factor: number) => {
        const pixels = width * height;
        const large = new Float32Array(data.length * factor ** 2);
        for (let plane = 0; plane < 3; plane++) {
          const values = data.slice(plane * pixels, (plane + 1) * pixels);
          large.set((await enlarged({ data: values, width, height }, factor)).data, plane * pixels * factor ** 2);
        }
        return { data: large, width: width * factor, height: height * factor };
      },
    }),
  });

  describe.each(photos)('%s', name => {
    const { file, outputs, working_size, gray, faces, landmarks, affine } = index[name]!;

    test('faces', async () => {
      const photo = await readPhoto(file);
      const enlargement = Math.max(1, 512 / Math.min(photo.width, photo.height));
      const found = await restorer.detect(photo, { compat: true });
      expect(found.length).toBe(faces.length);
      for (const [i, face] of found.entries()) {
        const off = (got: readonly number[], want: readonly number[]) =>
          Math.max(...got.map((value, j) => Math.abs(value * enlargement - want[j]!)));
        expect(off(face.box, faces[i]!)).toBeLessThan(0.05);
        expect(off(face.landmarks.flat(), landmarks[i]!.flat())).toBeLessThan(0.05);
        expect(face.score).toBeCloseTo(faces[i]![4]!, 4);
      }
    });

    test('transforms and crops', async () => {
      const photo = await readPhoto(file);
      const enlargement = Math.max(1, 512 / Math.min(photo.width, photo.height));
      const options = { ...optionsOf({ scale: 1, file: '' }), output: undefined };
      const {
        width,
        height,
        faces: found,
      } = await restorer.restore(photo, {
        ...options,
        detectFaces: recordedFaces(index[name]!),
      });
      expect([width, height]).toEqual(working_size);
      for (const [i, face] of found.entries()) {
        const recorded = affine[i]!.flat();
        const scale = Math.max(...recorded.map(Math.abs));
        // From the photo before it was enlarged.
        face.transform.forEach((value, j) => {
          expect(Math.abs(value / (j % 3 === 2 ? 1 : enlargement) - recorded[j]!) / scale).toBeLessThan(1e-5);
        });
        const crop = await readImageFile(path(`${name}-crop-${String(i).padStart(2, '0')}.png`));
        const { one, largest } = differences(face.crop, crop);
        expect(largest).toBeLessThanOrEqual(2);
        expect(one).toBeLessThan(0.005);
      }
    });

    test.each(Object.entries(outputs))('%s', async (_, output) => {
      const photo = await readPhoto(file);
      const result = await restorer.restore(photo, {
        ...optionsOf(output),
        output: undefined,
        detectFaces: recordedFaces(index[name]!),
      });
      const image = output.box ? await withFrames(result, result.image, output.scale) : result.image;
      const enlargement = Math.max(1, 512 / Math.min(photo.width, photo.height));
      const excluded = gray ? await wrapped(result.faces, image, output.scale, enlargement) : undefined;
      const share = excluded ? excluded.reduce((count, value) => count + (value > 0 ? 1 : 0), 0) / excluded.length : 0;
      expect(share).toBeLessThan(0.1);
      const { one, largest } = differences(image, await readImageFile(path(output.file)), excluded);
      expect(largest).toBeLessThanOrEqual(2);
      expect(one).toBeLessThanOrEqual(0.005);
    });
  });
});

oracle('the networks of the package', () => {
  test.each(EXECUTORS)('restore all four faces of a group on %s', async executor => {
    await using restorer = await createRestorer({ device: await executorNamed(executor) });
    const { faces } = await restorer.restore(await readPhoto('group-00.jpg'), { upscaling: 1 });
    expect(faces.length).toBe(4);
    for (const { score, indices } of faces) {
      expect(score).toBeGreaterThan(0.9);
      expect(indices!.length).toBe(256);
    }
  });
});
