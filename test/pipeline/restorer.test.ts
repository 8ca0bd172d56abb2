// Restorers as they live: networks, encoding once and decoding often, sweeps, sequences, aborts at every stage, lost devices, memory.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ErrorCode } from '../../src/errors.js';
import type { Device } from '../../src/gpu/device.js';
import type { Picture } from '../../src/image/picture.js';
import { generatedWeights } from '../../src/models/networks.js';
import { ParseNet } from '../../src/models/parsenet/parsenet.js';
import { createDevice } from '../../src/node/gpu.js';
import { encodeImage } from '../../src/node/images.js';
import { NODE } from '../../src/node/restorer.js';
import { Restorer } from '../../src/pipeline/restorer.js';
import type { RestorerOptions } from '../../src/pipeline/restorer-types.js';
import { randomNumbers, sampleCodes } from '../../src/pipeline/sampling.js';
import type { Progress, RestoreOptions } from '../../src/pipeline/types.js';
import { testExecutor } from '../device.js';
import { TINY } from '../tiny.js';
import { colour, flat, landmarksAt, largestDifference, restorerWith, scene } from './scene.js';

/** Arrays without references are freed when this returns, so that those that are held can be counted. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

const tiny = () => generatedWeights('codeformer', TINY, 3);
const faces = [{ landmarks: landmarksAt(60, 50, 60) }, { landmarks: landmarksAt(110, 50, 50) }];
const photo = scene(160, 100);
const RED = flat([250, 10, 20]);

const open: Restorer[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const restorer of open.splice(0)) await restorer.destroy();
});

async function restorerFor(options: RestorerOptions = {}): Promise<Restorer> {
  const restorer = await restorerWith({ weights: tiny(), ...options });
  open.push(restorer);
  return restorer;
}

describe('networks', () => {
  test('restore faces, with codes and times', async () => {
    const restorer = await restorerFor();
    const { faces: found } = await restorer.restore(photo, { faces });
    expect(restorer.size).toBe(32);
    for (const face of found) {
      expect([face.crop.width, face.restored.width, face.indices!.length, face.margin!.length]).toEqual([
        32, 32, 256, 256,
      ]);
      expect(face.timings).toMatchObject({ encode: expect.any(Number), decode: expect.any(Number) });
    }
  });

  test('are described', async () => {
    const { info } = await restorerFor();
    expect(info).toMatchObject({ software: true, precision: 'f32', size: 32, licence: null });
    expect(info.codes).toMatchObject({ grid: 16, codebook: 16 });
    expect((await restorerFor({ weights: null })).info.codes).toBeNull();
    expect(info.networks.restorer).toMatchObject({ network: 'codeformer' });
    expect(info.networks.detector).toBeNull();
    expect(info.memory.allocated).toBeGreaterThan(0);
  });

  test('upscale faces and backgrounds', async () => {
    const upscaler = generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 2);
    const restorer = await restorerFor({ upscaler });
    const options = { faces, upscaling: 1.5, backgroundUpscale: true };
    const { image, width, height, warnings, faces: found } = await restorer.restore(photo, options);
    expect([width, height, warnings]).toEqual([240, 150, []]);
    expect(found[0]!.timings.upscale).toBeGreaterThan(0);
    const without = await restorer.restore(photo, { ...options, faceUpscale: false, backgroundUpscale: false });
    expect(largestDifference(image, without.image)).toBeGreaterThan(2);
  });

  test('tell how far each of them is, the upscaled background too, and give each face before the result', async () => {
    const upscaler = generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 2);
    const restorer = await restorerFor({ upscaler });
    const all: Progress[] = [];
    const made: { id: number; width: number; after: Progress }[] = [];
    const { faces: restored } = await restorer.restore(scene(700, 500), {
      faces,
      backgroundUpscale: true,
      onProgress: progress => all.push(progress),
      onFace: ({ id, restored: { width } }) => made.push({ id, width, after: all.at(-1)! }),
    });
    const order = all.map(({ stage }) => stage).filter((stage, i, list) => stage !== list[i - 1]);
    expect(order).toEqual(['decode', 'detect', 'align', 'restore', 'background', 'paste', 'encode']);
    expect(all.map(({ done }) => done)).toEqual(all.map(({ done }) => done).toSorted((a, b) => a - b));
    const shares = (stage: Progress['stage'], face: number) =>
      all.filter(progress => progress.stage === stage && progress.face === face).map(({ share }) => share);
    for (const parts of [shares('background', 0), shares('restore', 2)]) {
      expect(parts).toEqual(parts.toSorted((a, b) => a - b));
      expect(parts.filter(share => share > 0 && share < 1).length).toBeGreaterThan(0);
      expect(parts.at(-1)).toBe(1);
    }
    // The picture has a third of a megapixel: as much work as a face.
    expect(all.find(({ stage }) => stage === 'background')!.done).toBeCloseTo(0.1 + (0.82 * 2) / 3.05, 2);
    expect(made.map(({ id, width }) => [id, width])).toEqual(restored.map(({ id }) => [id, 32]));
    // Not only when it is enlarged as well.
    for (const [i, { after }] of made.entries()) {
      expect(after).toMatchObject({ stage: 'restore', face: i + 1 });
      expect(after.share).toBeLessThan(1);
    }
  });

  test('of the package upscale in compat mode only where it is asked for: the reference has others', async () => {
    const upscaler = generatedWeights('residual-upscaler', { channels: 8, blocks: 1 }, 2);
    const restorer = await restorerFor({ upscaler });
    const upscaled = async (more: RestoreOptions) => {
      const options = { faces: faces.slice(0, 1), upscaling: 0.2, compat: true, ...more, output: undefined };
      return (await restorer.restore(photo, options)).faces[0]!.timings.upscale !== undefined;
    };
    expect([await upscaled({}), await upscaled({ faceUpscale: true })]).toEqual([false, true]);
  });

  test('parse restored faces for their masks', async () => {
    const restorer = await restorerFor({ weights: null, parser: generatedWeights('parsenet', undefined, 4) });
    // A parser at work takes a software adapter half a minute; its oracle test shows that it works.
    const labels = Uint8Array.from({ length: 512 * 512 }, (_, i) => (i % 512 < 256 ? 1 : 0));
    const seen: unknown[] = [];
    const parse = vi.spyOn(ParseNet.prototype, 'parseOnDevice').mockImplementation(async face => {
      seen.push([face.width, face.height, ...colour(await face.read(), 256, 256)]);
      const { labels: buffer } = await face.device.allocate('labels', { labels: labels.length });
      face.device.write(buffer, labels);
      return buffer;
    });
    const options = { faces: [{ landmarks: landmarksAt(60, 50, 80) }], restoreFace: RED };
    const { image, faces: found, warnings } = await restorer.restore(photo, options);
    expect(seen).toEqual([[512, 512, 250, 10, 20]]);
    expect(image).toEqual((await restorer.restore(photo, { ...options, parseFace: () => labels })).image);
    expect(parse).toHaveBeenCalledOnce();
    expect(found[0]!.timings.parse).toBeGreaterThanOrEqual(0);
    expect(warnings).toEqual([]);
    // The right half is not skin.
    expect(colour(image, 100, 100)).toEqual([250, 10, 20]);
    expect(colour(image, 150, 100)[0]).not.toBe(250);
  });

  test('of the package find and restore', async () => {
    const restorer = await restorerWith({ weights: 'embedded', detector: 'embedded', upscaler: 'embedded' });
    open.push(restorer);
    expect(restorer.info.networks).toMatchObject({
      restorer: { source: 'embedded', licence: expect.any(String) },
      detector: { source: 'embedded', licence: expect.any(String) },
      upscaler: { source: 'embedded', network: 'residual-upscaler', licence: expect.any(String) },
    });
    expect(await restorer.detect(photo)).toEqual([]);
  });

  test.each([
    ['of another kind', { weights: generatedWeights('parsenet', undefined, 1) }, 'WEIGHTS_MISMATCH'],
    ['that are none', { detector: new Uint8Array(30) }, 'INVALID_CHECKPOINT'],
    ['that are not there', { parser: '/none/parser.pth' }, 'FILE_NOT_FOUND'],
    ['of no form', { upscaler: 5 }, 'INVALID_ARGUMENT'],
    ['under a misspelt name', { wieghts: null }, 'INVALID_ARGUMENT'],
  ] as [string, object, ErrorCode][])('%s are refused', async (_, options, code) => {
    await expect(restorerWith(options)).rejects.toMatchObject({ code });
  });
});

describe('encode and decode', () => {
  test('decode as restore does, as often as wanted', async () => {
    const restorer = await restorerFor();
    using face = await restorer.encode(scene(32, 32));
    const { image } = await restorer.restore(scene(32, 32), { aligned: true, fidelity: 0.3 });
    expect((await face.decode({ fidelity: 0.3 })).data).toEqual(image.data);
    expect((await face.decode({ fidelity: 1 })).data).not.toEqual(image.data);
    expect((await restorer.encode(scene(40, 20))).warnings[0]).toMatch(/expected a crop of 32x32/);
    await expect(face.decode({ fidelity: 3 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    face.destroy();
    await expect(face.decode()).rejects.toMatchObject({ code: 'DESTROYED' });
  });

  test('draw codes from a seed: the same ones again, others for another', async () => {
    const restorer = await restorerFor();
    const crop = scene(32, 32);
    const draw = async (options: RestoreOptions) =>
      (await restorer.restore(crop, { aligned: true, ...options })).faces[0]!.indices!;
    const best = await draw({});
    const [a, again, b] = [
      await draw({ temperature: 1, seed: 5 }),
      await draw({ temperature: 1, seed: 5 }),
      await draw({ temperature: 1, seed: 6 }),
    ];
    expect(again).toEqual(a);
    expect(b).not.toEqual(a);
    expect(a).not.toEqual(best);
    expect(await draw({ temperature: 1e-6, seed: 5 })).toEqual(best);
    using face = await restorer.encode(crop);
    const logits = await face.logits();
    const { codebook, grid } = restorer.info.codes!;
    expect(sampleCodes(logits, codebook, 1, randomNumbers(5, 0))).toEqual(a);
    expect(logits.length).toBe(codebook * grid ** 2);
    const drawn = await face.decode({ temperature: 1, seed: 5 });
    expect(drawn.data).toEqual((await face.decode({ indices: a })).data);
  });

  test('take codes of the caller, for each face', async () => {
    const restorer = await restorerFor();
    const tokens = restorer.info.codes!.grid ** 2;
    const indices = { 1: new Int32Array(tokens).fill(5) };
    const before = (await restorer.restore(photo, { faces })).faces;
    const after = (await restorer.restore(photo, { faces, indices })).faces;
    expect(after[0]!.restored.data).toEqual(before[0]!.restored.data);
    expect(after[1]!.restored.data).not.toEqual(before[1]!.restored.data);
    expect([after[0]!.indices, after[1]!.indices]).toEqual([before[0]!.indices, indices[1]]);
    const plain = await restorer.restore(photo, { faces, indices, adain: false });
    expect(plain.faces[1]!.restored.data).not.toEqual(after[1]!.restored.data);
    const refused: object[] = [
      { x: indices[1] },
      { 0: [1, 2] },
      { 0: new Int32Array(3) },
      { 0: indices[1].with(0, 16) },
    ];
    for (const wrong of refused)
      await expect(restorer.restore(photo, { faces, indices: wrong as typeof indices })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
  });

  test('take a fidelity for each pixel', async () => {
    const restorer = await restorerFor();
    using face = await restorer.encode(scene(32, 32));
    const map = new Float32Array(32 * 32).fill(0.3);
    expect(largestDifference(await face.decode({ fidelity: map }), await face.decode({ fidelity: 0.3 }))).toBeLessThan(
      2,
    );
    await restorer.restore(photo, { faces, fidelity: map });
  });
});

test('a sweep is a restore at each fidelity', async () => {
  const restorer = await restorerFor();
  const { images, faces: found, width } = await restorer.sweep(photo, { faces, fidelity: [0, 0.4, 1] });
  expect([images.length, found.length, width]).toEqual([3, 2, 320]);
  for (const { fidelity, image, faces: restored } of images) {
    const alone = await restorer.restore(photo, { faces, fidelity });
    expect(alone.image.data).toEqual(image.data);
    expect(alone.faces[1]!.restored.data).toEqual(restored[1]!.data);
  }
  for (const wrong of [[], 0.5, [2]])
    await expect(restorer.sweep(photo, { fidelity: wrong as number[] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
});

describe('many photos', () => {
  const options = { restoreFace: RED, faces, upscaling: 1 };

  test('in order, from lists and asynchronous sequences', async () => {
    const restorer = await restorerFor();
    const photos = [scene(160, 100), scene(100, 90), scene(50, 60)];
    async function* sequence() {
      yield* photos;
    }
    for (const source of [photos, sequence()]) {
      const widths: number[] = [];
      for await (const { index, input, image } of restorer.restoreMany(source, options)) {
        expect(input).toBe(photos[index]);
        widths.push((image as Picture).width);
      }
      expect(widths).toEqual([160, 100, 50]);
    }
  });

  test('end at the first bad one, or go on', async () => {
    const restorer = await restorerFor();
    const photos = [photo, new Uint8Array(9), photo, null as unknown as Picture];
    const run = async (more: object) => {
      const done: number[] = [];
      for await (const { index } of restorer.restoreMany<Picture | Uint8Array>(photos, { ...options, ...more }))
        done.push(index);
      return done;
    };
    await expect(run({})).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
    const failed: unknown[] = [];
    expect(
      await run({ onError: (error: { code: string }, index: number) => failed.push([error.code, index]) }),
    ).toEqual([0, 2]);
    expect(failed).toEqual([
      ['INVALID_IMAGE', 1],
      ['INVALID_ARGUMENT', 3],
    ]);
  });

  test('leave no memory behind, on the device or beside it', async () => {
    const restorer = await restorerFor();
    const device = await testExecutor();
    async function* generated() {
      for (let i = 0; i < 100; i++) yield encodeImage(scene(160 + (i % 5), 120, 7 * i));
    }
    const held: number[] = [];
    const arrays: number[] = [];
    let count = 0;
    for await (const bytes of generated()) {
      await restorer.restore(bytes, options);
      if (++count % 10 === 0) {
        collectGarbage();
        held.push(device.memory.allocated);
        arrays.push(process.memoryUsage().arrayBuffers);
      }
    }
    expect(new Set(held).size).toBe(1);
    // A photo more or less is under way at each count; what every photo left behind would be a hundred times as much.
    expect(Math.min(...arrays.slice(5)) - Math.min(...arrays.slice(1, 5))).toBeLessThan(1e6);
  });
});

describe('aborts', () => {
  const stages: readonly Progress['stage'][] = ['decode', 'detect', 'align', 'restore', 'paste', 'encode'];
  test.each(stages)('while it does: %s', async stage => {
    const restorer = await restorerFor();
    const device = await testExecutor();
    const before = device.memory.allocated;
    const controller = new AbortController();
    const onProgress = (progress: Progress) => {
      if (progress.stage === stage) controller.abort();
    };
    const options = { faces, signal: controller.signal, onProgress };
    // At the last stage there is nothing left to abort.
    const call = restorer.restore(photo, options);
    if (stage === 'encode') await call;
    else await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
    expect(device.memory.allocated).toBe(before);
    expect((await restorer.restore(photo, { faces })).width).toBe(320);
  });

  test('before it begins, while it waits, and inside of a part of the caller', async () => {
    const restorer = await restorerFor();
    const signal = AbortSignal.abort();
    await expect(restorer.restore(photo, { faces, signal })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(restorer.detect(photo, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(restorer.encode(scene(32, 32), { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(restorerWith({ signal })).rejects.toMatchObject({ code: 'ABORTED' });

    let release = () => {};
    const waiting = new Promise<void>(resolve => {
      release = resolve;
    });
    const first = restorer.restore(photo, { faces, restoreFace: crop => waiting.then(() => crop) });
    const controller = new AbortController();
    const second = restorer.restore(photo, { faces, signal: controller.signal });
    setTimeout(() => controller.abort(), 10);
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    const third = restorer.restore(photo, { faces });
    release();
    expect((await first).width).toBe(320);
    expect((await third).width).toBe(320);

    const inside = new AbortController();
    const restoreFace = (crop: Picture) => {
      inside.abort();
      return crop;
    };
    const call = restorer.restore(photo, { faces, restoreFace, signal: inside.signal });
    await expect(call).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('lost devices', () => {
  /** A restorer whose devices can be taken away. */
  async function mortal(): Promise<{ restorer: Restorer; devices: Device[] }> {
    const devices: Device[] = [];
    const platform = {
      ...NODE,
      createDevice: async () => {
        const device = await createDevice({ adapter: 'software', robust: true });
        devices.push(device);
        return device;
      },
    };
    const restorer = await Restorer.create({ weights: tiny(), detector: null }, platform);
    open.push(restorer);
    return { restorer, devices };
  }

  test('end the running call; the next one gets another device', async () => {
    const { restorer, devices } = await mortal();
    const before = await restorer.restore(photo, { faces });
    const onProgress = ({ stage, face }: Progress) => {
      if (stage === 'restore' && face === 2) devices[0]!.gpu.destroy();
    };
    await expect(restorer.restore(photo, { faces, onProgress })).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    const after = await restorer.restore(photo, { faces });
    expect(devices.length).toBe(2);
    expect(after.image.data).toEqual(before.image.data);
  });

  test('between calls are not even noticed, except by encoded faces', async () => {
    const { restorer, devices } = await mortal();
    const face = await restorer.encode(scene(32, 32));
    devices[0]!.gpu.destroy();
    await devices[0]!.gpu.lost;
    expect((await restorer.restore(photo, { faces })).width).toBe(320);
    await expect(face.decode()).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    await expect(face.logits()).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    face.destroy();
  });

  test('are replaced for prepared photos', async () => {
    const { restorer, devices } = await mortal();
    using prepared = await restorer.prepare(photo, { faces });
    const { image } = await prepared.render();
    const onProgress = ({ stage, face }: Progress) => {
      if (stage === 'restore' && face === 2) devices[0]!.gpu.destroy();
    };
    const interrupted = prepared.render({ fidelity: 0.1, onProgress });
    await expect(interrupted).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    expect((await prepared.render()).image).toEqual(image);
    expect(devices.length).toBe(2);
  });

  test('of the caller end all calls', async () => {
    const device = await createDevice({ adapter: 'software', robust: true });
    const restorer = await restorerFor({ device });
    device.destroy();
    await device.gpu.lost;
    for (let i = 0; i < 2; i++)
      await expect(restorer.restore(photo, { faces })).rejects.toMatchObject({ code: 'DEVICE_LOST' });
  });
});

describe('destroy', () => {
  test('frees everything but the device of the caller, and ends calls', async () => {
    const device = await testExecutor();
    const before = device.memory.allocated;
    const restorer = await restorerWith({ weights: tiny() });
    expect(device.memory.allocated).toBeGreaterThan(before);
    const running = restorer.restore(photo, { faces });
    const late = restorer.restore(photo, { faces });
    late.catch(() => {});
    await restorer.destroy();
    await restorer.destroy();
    expect(device.memory.allocated).toBe(before);
    await Promise.allSettled([running]);
    await expect(late).rejects.toMatchObject({ code: 'DESTROYED' });
    await expect(restorer.restore(photo)).rejects.toMatchObject({ code: 'DESTROYED' });
    device.check();
  });

  test('happens at the end of a block', async () => {
    let kept: Restorer;
    {
      await using restorer = await restorerWith();
      kept = restorer;
    }
    await expect(kept.detect(photo)).rejects.toMatchObject({ code: 'DESTROYED' });
  });
});
