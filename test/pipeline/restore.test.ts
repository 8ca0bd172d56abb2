// What a caller of `restore` sees: where faces are put, which ones, at what size and colour; and that everything that is wrong is said.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Picture } from '../../src/image/picture.js';
import { encodeImage } from '../../src/node/images.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import type { DetectedFace, OwnFace, RestoreOptions } from '../../src/pipeline/types.js';
import { resize } from '../../src/pixels/pixels.js';
import { testExecutor } from '../device.js';
import { colour, flat, landmarksAt, largestDifference, restorerWith, scene } from './scene.js';

const RED = flat([250, 10, 20]);

let restorer: Restorer;
beforeAll(async () => {
  restorer = await restorerWith();
});
afterAll(() => restorer.destroy());

const one: readonly OwnFace[] = [{ landmarks: landmarksAt(60, 50, 60) }];
const three: readonly OwnFace[] = [
  { landmarks: landmarksAt(30, 30, 40), score: 0.9, box: [20, 15, 40, 45] },
  { landmarks: landmarksAt(90, 60, 60), score: 0.8, box: [70, 40, 110, 85] },
  { landmarks: landmarksAt(150, 30, 30), score: 0.7, box: [142, 20, 158, 42] },
];
const photo = scene(180, 100);

const restore = (options: RestoreOptions = {}, picture: Picture = photo) =>
  restorer.restore(picture, { restoreFace: RED, faces: one, ...options, output: undefined });

describe('the result', () => {
  test('has the face where it was, and the photo around it', async () => {
    const { image, width, height, faces, warnings } = await restore();
    expect([width, height, image.width, image.height]).toEqual([360, 200, 360, 200]);
    expect(colour(image, 120, 100)).toEqual([250, 10, 20]);
    const large = await resize(await testExecutor(), photo, { width: 360, height: 200, filter: 'lanczos4' });
    for (const [x, y] of [
      [2, 2],
      [40, 100],
      [300, 190],
    ] as const)
      expect(colour(image, x, y)).toEqual(colour(large, x, y));
    expect(warnings).toEqual([]);
    expect(faces).toMatchObject([{ id: 0, score: 1, indices: null, margin: null, warnings: [] }]);
    expect([faces[0]!.crop.width, faces[0]!.restored.height]).toEqual([512, 512]);
  });

  test('is the photo where the face comes back as it was', async () => {
    const { image } = await restore({ restoreFace: crop => crop, upscaling: 1 });
    expect(largestDifference(image, photo)).toBeLessThanOrEqual(2);
  });

  test.each([
    [1, 180, 100],
    [1.5, 270, 150],
    [0.5, 90, 50],
    [0.001, 1, 1],
    [3, 540, 300],
  ])('at upscaling %d', async (upscaling, width, height) => {
    const { image } = await restore({ upscaling });
    expect([image.width, image.height]).toEqual([width, height]);
    expect(image.data.length).toBe(4 * width * height);
    if (upscaling >= 0.5) expect(colour(image, 60 * upscaling, 50 * upscaling)).toEqual([250, 10, 20]);
  });

  test('without faces is the enlarged photo', async () => {
    const { image, faces } = await restore({ faces: [] });
    expect(faces).toEqual([]);
    expect(image.width).toBe(360);
    const found = await restore({ faces: 'all', detectFaces: () => [] });
    expect(found.faces).toEqual([]);
  });

  test('keeps alpha, and restores under it', async () => {
    const clear = { ...photo, data: new Uint8ClampedArray(photo.data) };
    for (let i = 3; i < clear.data.length; i += 4) clear.data[i] = (i >> 2) % 180 < 90 ? 255 : 40;
    const { image } = await restore({}, clear);
    expect([image.data[3], image.data[4 * 350 + 3]]).toEqual([255, 40]);
    expect(colour(image, 120, 100)).toEqual([250, 10, 20]);
  });

  test('keeps grey photos grey, unless told otherwise', async () => {
    const grey = { ...photo, data: photo.data.map((_, i) => (i % 4 === 3 ? 255 : photo.data[i - (i % 4)]!)) };
    const chequered = ({ data, ...size }: Picture) => {
      const made = data.map((_, i) => [255, 40, 90, 255][i % 4]! - ((i >> 6) % 2) * (i % 4 === 3 ? 0 : 30));
      return { ...size, data: made };
    };
    const level = ([r, g, b]: number[]) => Math.max(r!, g!, b!) - Math.min(r!, g!, b!);
    const auto = await restore({ restoreFace: chequered }, grey);
    expect(level(colour(auto.image, 120, 100))).toBeLessThanOrEqual(1);
    expect(level(colour(auto.faces[0]!.restored, 200, 300))).toBeLessThanOrEqual(1);
    const never = await restore({ restoreFace: chequered, grayscale: false }, grey);
    expect(level(colour(never.image, 120, 100))).toBeGreaterThan(150);
    expect(level(colour((await restore({ grayscale: true })).faces[0]!.restored, 9, 9))).toBeLessThan(
      level([250, 10, 20]),
    );
  });

  test('at strength 0 is the photo, at one half the middle', async () => {
    const none = await restore({ strength: 0, upscaling: 1 });
    expect(largestDifference(none.image, photo)).toBe(0);
    const half = await restore({ strength: 0.5, upscaling: 1 });
    const before = colour(photo, 60, 50);
    colour(half.image, 60, 50).forEach((value, i) => {
      expect(Math.abs(value - (before[i]! + [250, 10, 20][i]!) / 2)).toBeLessThanOrEqual(1);
    });
    expect(await restore({ perFace: { 0: { strength: 0 } }, upscaling: 1 })).toMatchObject({ image: none.image });
  });

  test('echoes the seed, or draws one', async () => {
    expect((await restore({ seed: 123 })).seed).toBe(123);
    const [a, b] = [(await restore()).seed, (await restore()).seed];
    expect(a).not.toBe(b);
    for (const seed of [a, b]) expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
  });

  test('comes in the form of the input, or encoded', async () => {
    const rgb = new Uint8Array(photo.data.filter((_, i) => i % 4 !== 3));
    const { image } = await restore({}, { ...photo, data: rgb });
    expect(image.data).toBeInstanceOf(Uint8Array);
    expect(image.data.length).toBe(3 * 360 * 200);
    const png = await encodeImage(photo);
    const decoded = await restorer.restore(png, { restoreFace: RED, faces: one });
    expect(decoded.image.data.length).toBe(4 * 360 * 200);
    for (const bytes of [png, new Blob([png as Uint8Array<ArrayBuffer>]), new Uint8Array(png).buffer]) {
      const encoded = await restorer.restore(bytes, { restoreFace: RED, faces: one, output: 'jpeg' });
      expect([...encoded.image.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    }
  });

  test('reports progress in order, and times', async () => {
    const stages: string[] = [];
    let last = 0;
    const { timings, faces } = await restore({
      faces: 'all',
      detectFaces: () => three,
      onProgress: ({ stage, done }) => {
        if (stages.at(-1) !== stage) stages.push(stage);
        expect(done).toBeGreaterThanOrEqual(last);
        last = done;
      },
    });
    expect(stages).toEqual(['decode', 'detect', 'align', 'restore', 'paste', 'encode']);
    expect(last).toBe(1);
    expect(timings.total).toBeGreaterThan(0);
    for (const { timings: own } of faces)
      expect(own).toMatchObject({ align: expect.any(Number), restore: expect.any(Number) });
  });
});

describe('faces', () => {
  const ids = async (options: RestoreOptions) =>
    (await restore({ detectFaces: () => three, ...options })).faces.map(face => face.id);

  test.each([
    ['all', { faces: 'all' }, [0, 1, 2]],
    ['largest', { faces: 'largest' }, [1]],
    ['center', { faces: 'center' }, [1]],
    ['onlyCenterFace', { faces: 'all', onlyCenterFace: true }, [1]],
    ['ids', { faces: [2, 0] }, [0, 2]],
    ['a predicate', { faces: (face: DetectedFace) => face.score > 0.75 }, [0, 1]],
    ['minFaceSize', { faces: 'all', minFaceSize: 18 }, [0, 1]],
    ['two rules', { faces: [0, 2], onlyCenterFace: true }, [2]],
  ] as const)('by %s', async (_, options, expected) => {
    expect(await ids(options)).toEqual(expected);
  });

  test('by an id that none has: a warning', async () => {
    const { faces, warnings } = await restore({ detectFaces: () => three, faces: [1, 7] });
    expect(faces.map(face => face.id)).toEqual([1]);
    expect(warnings).toEqual(['no face has the id 7: there are 3']);
  });

  test('by boxes: landmarks of the face that is meant, else supposed ones', async () => {
    const { faces, warnings } = await restore({
      detectFaces: () => three,
      faces: [{ box: [72, 42, 108, 84] }, { box: [120, 60, 150, 98] }],
    });
    expect(faces[0]!.landmarks).toEqual(three[1]!.landmarks);
    expect(warnings).toEqual(['face 1: no face was found in the box: an upright one is supposed']);
    expect(faces[1]!.landmarks[2]).toEqual([135, 60 + 0.6 * 38]);
  });

  test('far outside of every photo: refused', async () => {
    const far = [[1e30, 1], [1, 1e30], ...three[0]!.landmarks!.slice(2)] as [number, number][];
    for (const faces of [[{ box: [0, 0, 1e30, 1e30] as const }], [{ landmarks: far }]])
      await expect(restore({ faces })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(
      restore({ faces: 'all', detectFaces: () => [{ ...three[0]!, landmarks: far }] }),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('each with its own fidelity', async () => {
    const seen: unknown[] = [];
    const restoreFace = (crop: Picture, { id, fidelity }: { id: number; fidelity: unknown }) => {
      seen.push([id, fidelity]);
      return crop;
    };
    await restore({ faces: three, fidelity: 0.2, perFace: { 1: { fidelity: 0.9 } }, restoreFace });
    expect(seen).toEqual([
      [0, 0.2],
      [1, 0.9],
      [2, 0.2],
    ]);
  });

  test.each([
    ['turned', landmarksAt(60, 50, 60, 20)],
    ['upside down', landmarksAt(60, 50, 60, 180)],
    ['at the border', landmarksAt(4, 50, 60)],
    ['over the border', landmarksAt(-8, -5, 60)],
    ['larger than the photo', landmarksAt(90, 50, 900)],
    ['tiny', landmarksAt(60, 50, 4)],
  ])('%s', async (_, landmarks) => {
    const { image, faces } = await restore({ faces: [{ landmarks }] });
    expect(image.width).toBe(360);
    const { transform } = faces[0]!;
    const nose = landmarks[2]!;
    const [x, y] = [0, 3].map(r => transform[r]! * nose[0] + transform[r + 1]! * nose[1] + transform[r + 2]!);
    expect(Math.hypot(x! - 256.6, y! - 314)).toBeLessThan(3);
  });

  test('that are tiny, outside, over the edge or large: warnings', async () => {
    const { faces } = await restore({
      faces: [
        { landmarks: landmarksAt(60, 50, 20), box: [50, 40, 70, 60] },
        { landmarks: landmarksAt(-500, 50, 60), box: [-530, 20, -470, 80] },
        { landmarks: landmarksAt(60, 50, 800), box: [50, 40, 70, 60] },
      ],
    });
    expect(faces[0]!.warnings).toEqual(['the face is tiny: its crop is 20.0 pixels wide in the photo']);
    expect(faces[1]!.warnings).toEqual([
      'the face reaches beyond the edge of the photo',
      'the face lies outside of the photo',
    ]);
    expect(faces[2]!.warnings).toEqual([
      expect.stringMatching(
        /^the face may lose detail: its crop is 800\.\d pixels wide in the photo, and 512 restored$/,
      ),
    ]);
  });

  test('that overlap: the later one is over the earlier one', async () => {
    const colours = [flat([255, 0, 0]), flat([0, 0, 255])];
    const { image } = await restore({
      faces: [{ landmarks: landmarksAt(60, 50, 60) }, { landmarks: landmarksAt(75, 50, 60) }],
      restoreFace: (crop, { id }) => colours[id]!(crop),
    });
    expect(colour(image, 150, 100)).toEqual([0, 0, 255]);
    expect(colour(image, 84, 100)[0]).toBeGreaterThan(240);
  });
});

describe('masks', () => {
  const skin = (values: number) => () => new Uint8Array(512 * 512).fill(values);

  test('by parsed regions', async () => {
    const face = await restore({ parseFace: skin(1) });
    expect(colour(face.image, 120, 100)).toEqual([250, 10, 20]);
    const background = await restore({ parseFace: skin(0), upscaling: 1 });
    expect(largestDifference(background.image, photo)).toBe(0);
    const neck = await restore({ parseFace: skin(17), mask: { regions: ['neck'] } });
    expect(colour(neck.image, 120, 100)).toEqual([250, 10, 20]);
  });

  test('of another softness', async () => {
    const hard = await restore({ mask: { feather: 0.02 } });
    const soft = await restore({ mask: { feather: 1 } });
    const reds = ({ image }: { image: Picture }) =>
      Array.from(image.data).reduce((count, value, i) => count + (i % 4 === 0 && value > 245 ? 1 : 0), 0);
    expect(reds(hard)).toBeGreaterThan(2 * reds(soft));
  });

  test('by regions without a parser: a warning', async () => {
    expect((await restore({ mask: { regions: ['skin'] } })).warnings).toEqual([
      'mask.regions: no parser is loaded, so masks have the shape of the crop',
    ]);
  });
});

describe('upscaling', () => {
  test('by a part of the caller: faces and background', async () => {
    const seen: number[][] = [];
    const upscale = (picture: Picture, scale: number) => {
      seen.push([picture.width, picture.height, scale]);
      return flat([0, 200, 0])({ ...picture, width: picture.width * scale, height: picture.height * scale });
    };
    const large = [{ landmarks: landmarksAt(60, 50, 300) }];
    const face = await restore({ upscale, faces: large });
    expect(seen).toEqual([[512, 512, 2]]);
    expect(colour(face.image, 120, 100)).toEqual([0, 200, 0]);
    expect(colour(face.faces[0]!.restored, 100, 100)).toEqual([250, 10, 20]);
    const background = await restore({ upscale, faceUpscale: false, backgroundUpscale: true });
    expect(colour(background.image, 120, 100)).toEqual([250, 10, 20]);
    expect(colour(background.image, 5, 5)).toEqual([0, 200, 0]);
  });

  test('of faces only where they are pasted larger than they were made', async () => {
    let calls = 0;
    const upscale = (picture: Picture, scale: number) => {
      calls++;
      return flat([0, 200, 0])({ ...picture, width: picture.width * scale, height: picture.height * scale });
    };
    // 400 pixels of the photo become a crop of 512.
    const faces = [{ landmarks: landmarksAt(90, 50, 400) }];
    await restore({ upscale, faces, upscaling: 1.25 });
    expect(calls).toBe(0);
    await restore({ upscale, faces, upscaling: 1.31 });
    expect(calls).toBe(1);
    // The reference never looks.
    await restore({ upscale, faces, upscaling: 1, compat: true });
    expect(calls).toBe(2);
  });

  test('without an upscaler: warnings where it was asked for', async () => {
    const { warnings } = await restore({ faceUpscale: true, backgroundUpscale: true });
    expect(warnings.map(text => text.split(':')[0])).toEqual(['backgroundUpscale', 'faceUpscale']);
  });
});

describe('compat mode', () => {
  test('enlarges small photos, and truncates', async () => {
    const { image, faces } = await restore({ compat: true, upscaling: 1.5 });
    // 512 / 100 of the photo, rounded, then cut off.
    expect([image.width, image.height]).toEqual([Math.trunc(922 * 1.5), 768]);
    expect(faces[0]!.landmarks[2]![0]).toBeCloseTo(one[0]!.landmarks![2]![0], 4);
    const [x, y] = [60 * 5.12 * 1.5, 50 * 5.12 * 1.5].map(Math.round) as [number, number];
    expect(Math.abs(colour(image, x, y)[0]! - 250)).toBeLessThanOrEqual(1);
  });
});

describe('aligned crops', () => {
  test('come back in the size of the network', async () => {
    const { image, faces, warnings } = await restore({ aligned: true }, scene(64, 64));
    expect([image.width, image.height]).toEqual([512, 512]);
    expect(colour(image, 3, 500)).toEqual([250, 10, 20]);
    expect(warnings).toEqual(['expected a crop of 512x512 but it has 64x64: resized']);
    expect(faces[0]).toMatchObject({ id: 0, box: [0, 0, 64, 64] });
  });

  test('have no background: warnings, and strength and alpha count', async () => {
    const options = { aligned: true, upscaling: 4, backgroundUpscale: true, strength: 0 };
    const crop = scene(512, 512);
    const { image, warnings } = await restore(options, crop);
    expect(warnings.map(text => text.split(':')[0])).toEqual(['upscaling', 'backgroundUpscale']);
    expect(largestDifference(image, crop)).toBe(0);
  });
});

describe('pictures at the limits', () => {
  test.each([
    [1, 1],
    [1, 5000],
    [5000, 1],
    [3, 2],
  ])('%dx%d', async (width, height) => {
    const { image } = await restore(
      { faces: [{ landmarks: landmarksAt(width / 2, height / 2, 8) }] },
      scene(width, height),
    );
    expect([image.width, image.height]).toEqual([2 * width, 2 * height]);
  });

  test('above the pixel limit: before any work', async () => {
    const limit = { maxPixels: 1000 };
    await expect(restore(limit)).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    await expect(restore({ maxPixels: 20_000 })).rejects.toThrow(/the result: expected at most 20000 pixels/);
    await expect(restore({ upscaling: 1e6 })).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    await expect(restore({ compat: true }, scene(1, 5000))).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
  });

  test('that are none', async () => {
    for (const input of [new Uint8Array(), new Uint8Array(64), (await encodeImage(photo)).subarray(0, 900)])
      await expect(restorer.restore(input, { faces: one })).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
    for (const input of [null, 3, 'photo.jpg', {}, { data: photo.data, width: 0, height: 1 }])
      await expect(restorer.restore(input as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const short = { data: new Uint8Array(5), width: 2, height: 2 };
    await expect(restorer.restore(short)).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
  });
});

describe('wrong options', () => {
  const landmarks = landmarksAt(60, 50, 60);
  test.each([
    ['fidelity', { fidelity: 1.5 }],
    ['fidelity', { fidelity: Number.NaN }],
    ['fidelity', { fidelity: new Float32Array(5) }],
    ['fidelity', { fidelity: new Float32Array(512 * 512).fill(2) }],
    ['upscaling', { upscaling: 0 }],
    ['upscaling', { upscaling: -1 }],
    ['upscaling', { upscaling: Number.POSITIVE_INFINITY }],
    ['upscaling', { upscaling: '2' }],
    ['aligned', { aligned: 'yes' }],
    ['seed', { seed: 1.5 }],
    ['seed', { seed: -1 }],
    ['temperature', { temperature: -0.1 }],
    ['faces', { faces: 'smallest' }],
    ['faces', { faces: [-1] }],
    ['faces\\[0\\]', { faces: [{}] }],
    ['faces\\[0\\].landmarks', { faces: [{ landmarks: landmarks.slice(1) }] }],
    ['faces\\[0\\].landmarks\\[4\\]', { faces: [{ landmarks: [...landmarks.slice(1), [1, Number.NaN]] }] }],
    ['landmarks', { faces: [{ landmarks: [1, 2, 3, 4, 5].map(i => [i, 2 * i]) }] }],
    ['landmarks', { faces: [{ landmarks: [1, 2, 3, 4, 5].map(() => [7, 7]) }] }],
    ['faces\\[0\\].box', { faces: [{ box: [5, 5, 5, 9] }] }],
    ['perFace', { perFace: { left: {} } }],
    ['perFace', { perFace: new Map([[0, { fidelity: 0.2 }]]) }],
    ['mask', { mask: new Date(0) }],
    ['perFace\\[0\\].fidelity', { perFace: { 0: { fidelity: 2 } } }],
    ['strength', { strength: 2 }],
    ['minFaceSize', { minFaceSize: -1 }],
    ['detectionScales', { detectionScales: [] }],
    ['mask.regions', { mask: { regions: ['face'] } }],
    ['mask.feather', { mask: { feather: 0 } }],
    ['grayscale', { grayscale: 'yes' }],
    ['output', { output: 'bmp' }],
    ['quality', { quality: 0 }],
    ['maxPixels', { maxPixels: 0 }],
    ['restoreFace', { restoreFace: 'none' }],
    ['options', { fidelty: 1 }],
    ['the result of restoreFace', { restoreFace: () => scene(4, 4) }],
    ['the result of restoreFace', { restoreFace: () => null }],
    ['the result of parseFace', { parseFace: () => new Uint8Array(4) }],
    ['the result of upscale', { upscale: () => 'large', upscaling: 10 }],
    ['the result of detectFaces', { faces: 'all', detectFaces: () => 'none' }],
    ['the result of detectFaces\\[0\\]', { faces: 'all', detectFaces: () => [{ score: 1 }] }],
    ['detector', { faces: 'all' }],
    ['weights', { restoreFace: undefined }],
  ])('%s', async (name, options) => {
    const call = restorer.restore(photo, { restoreFace: RED, faces: one, ...options } as RestoreOptions);
    await expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(call).rejects.toThrow(new RegExp(`for ${name} but`));
    // The next call works.
    expect((await restore({ upscaling: 0.1 })).width).toBe(18);
  });
});

test('errors of a part of the caller reach it as they are', async () => {
  const boom = new RangeError('boom');
  await expect(restore({ restoreFace: () => Promise.reject(boom) })).rejects.toBe(boom);
});
