// Photos that are prepared once and rendered often: what comes out is what `restore` gives, and only what changed is done again.

import { afterEach, expect, test, vi } from 'vitest';
import { CodeFormer } from '../../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../../src/models/networks.js';
import { RRDBNet } from '../../src/models/rrdbnet/rrdbnet.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import type { RestorerOptions } from '../../src/pipeline/restorer-types.js';
import type { RenderOptions, RestoreOptions } from '../../src/pipeline/types.js';
import { TINY } from '../tiny.js';
import { flat, landmarksAt, restorerWith, scene } from './scene.js';

const photo = scene(160, 100);
const grey = { ...photo, data: photo.data.map((_, i) => (i % 4 === 3 ? 255 : photo.data[i - (i % 4)]!)) };
const faces = [{ landmarks: landmarksAt(60, 50, 60) }, { landmarks: landmarksAt(110, 50, 50) }];
const tiny = () => generatedWeights('codeformer', TINY, 3);
const small = () => generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 2);

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

test.each([
  ['defaults', {}],
  ['a fidelity and a size', { fidelity: 0.9, upscaling: 1 }],
  ['settings of single faces', { perFace: { 1: { fidelity: 0, strength: 0.5 } } }],
  ['strength and a hard mask', { strength: 0.4, mask: { feather: 0.05 } }],
  ['codes that are drawn', { temperature: 1, seed: 8 }],
  ['codes of the caller', { indices: { 0: new Int32Array(256).fill(3) }, adain: false }],
  ['upscaled faces and background', { upscaling: 1.5, backgroundUpscale: true }],
] as [string, Omit<RenderOptions, 'faces' | 'output'>][])('rendered as restored: %s', async (_, options) => {
  const restorer = await restorerFor({ upscaler: small() });
  using prepared = await restorer.prepare(photo, { faces, faceUpscale: false });
  // What an earlier picture left must not matter.
  await prepared.render({ fidelity: 0.2 });
  const got = await prepared.render(options);
  const want = await restorer.restore(photo, { faces, faceUpscale: false, ...options });
  expect(got.image).toEqual(want.image);
  expect(got.warnings).toEqual(want.warnings);
  const plain = (list: typeof got.faces) => list.map(face => ({ ...face, timings: null }));
  expect(plain(got.faces)).toEqual(plain(want.faces));
  expect((await prepared.render(options)).image).toEqual(want.image);
});

test.each([
  ['in compat mode', { compat: true, upscaling: 1 }],
  ['of a grey photo, as of a coloured one', { grayscale: true }],
  [
    'by functions of the caller',
    { restoreFace: flat([250, 10, 20]), parseFace: () => new Uint8Array(512 * 512).fill(1) },
  ],
] as [string, RestoreOptions][])('prepared with options that stay: %s', async (_, options) => {
  const restorer = await restorerFor();
  const given = { faces, ...options };
  using prepared = await restorer.prepare(grey, given);
  expect((await prepared.render({ strength: 0.9 })).image).toEqual(
    (await restorer.restore(grey, { ...given, strength: 0.9 })).image,
  );
});

test('an aligned crop', async () => {
  const restorer = await restorerFor();
  const crop = scene(32, 32);
  using prepared = await restorer.prepare(crop, { aligned: true });
  expect([prepared.faces.length, prepared.faces[0]!.indices!.length]).toEqual([1, 256]);
  const { image, faces: made } = await prepared.render({ fidelity: 1, strength: 0.5 });
  expect(image).toEqual((await restorer.restore(crop, { aligned: true, fidelity: 1, strength: 0.5 })).image);
  expect(made[0]!.restored).toEqual(image);
  expect((await prepared.render({ faces: [] })).image).toEqual(crop);
});

test('some of the faces, by id', async () => {
  const restorer = await restorerFor();
  using prepared = await restorer.prepare(photo, { faces, upscaling: 1 });
  expect(prepared.faces.map(({ id, crop, margin }) => [id, crop.width, margin!.length])).toEqual([
    [0, 32, 256],
    [1, 32, 256],
  ]);
  const { image, faces: made } = await prepared.render({ faces: [1] });
  expect(made.map(({ id }) => id)).toEqual([1]);
  expect(image).toEqual((await restorer.restore(photo, { faces: [faces[1]!], upscaling: 1 })).image);
  expect((await prepared.render({ faces: [] })).image).toEqual(photo);
  // Which is first is told first, and changes nothing of the picture.
  const told: number[] = [];
  const onFace = ({ id }: { id: number }) => told.push(id);
  const turned = await prepared.render({ faces: [1, 0], fidelity: 0.9, onFace });
  expect([told, turned.faces.map(({ id }) => id)]).toEqual([
    [1, 0],
    [0, 1],
  ]);
  expect(turned.image).toEqual((await prepared.render({ fidelity: 0.9, onFace })).image);
  expect(told).toEqual([1, 0, 0, 1]);
});

test('only what changed is done again', async () => {
  const restorer = await restorerFor({ upscaler: small() });
  const encode = vi.spyOn(CodeFormer.prototype, 'encodePicture');
  const decode = vi.spyOn(CodeFormer.prototype, 'decodeOnDevice');
  const upscale = vi.spyOn(RRDBNet.prototype, 'upscale');
  const calls = () => {
    const counts = [encode, decode, upscale].map(spy => spy.mock.calls.length);
    for (const spy of [encode, decode, upscale]) spy.mockClear();
    return counts;
  };
  using prepared = await restorer.prepare(photo, { faces, faceUpscale: false, backgroundUpscale: true });
  expect(calls()).toEqual([2, 0, 0]);
  await prepared.render();
  expect(calls()).toEqual([0, 2, 1]);
  await prepared.render({ strength: 0.5 });
  expect(calls()).toEqual([0, 0, 0]);
  await prepared.render({ perFace: { 0: { fidelity: 0.9 } } });
  expect(calls()).toEqual([0, 1, 0]);
  const map = new Float32Array(32 * 32).fill(0.5);
  await prepared.render({ fidelity: map });
  expect(calls()).toEqual([0, 2, 0]);
  // The map is the caller's to change.
  map[5] = 0.7;
  await prepared.render({ fidelity: map });
  expect(calls()).toEqual([0, 2, 0]);
  await prepared.render({ fidelity: map, upscaling: 1 });
  expect(calls()).toEqual([0, 0, 1]);
});

test('more faces than stay on the device are encoded again', async () => {
  const restorer = await restorerFor();
  const crowd = Array.from({ length: 10 }, (_, i) => ({ landmarks: landmarksAt(15 * (i + 1), 50, 30) }));
  using prepared = await restorer.prepare(photo, { faces: crowd });
  const { image } = await prepared.render({ fidelity: 0.8 });
  expect(image).toEqual((await restorer.restore(photo, { faces: crowd, fidelity: 0.8 })).image);
});

test('memory is given back, and what is destroyed says so', async () => {
  const restorer = await restorerFor();
  await restorer.restore(photo, { faces });
  const { allocated } = restorer.info.memory;
  const prepared = await restorer.prepare(photo, { faces });
  await prepared.render();
  expect(restorer.info.memory.allocated).toBeGreaterThan(allocated);
  prepared.destroy();
  prepared.destroy();
  expect(restorer.info.memory.allocated).toBe(allocated);
  await expect(prepared.render()).rejects.toMatchObject({ code: 'DESTROYED' });
});

test('bad options are refused', async () => {
  const restorer = await restorerFor();
  using prepared = await restorer.prepare(photo, { faces });
  for (const wrong of [{ faces: [7] }, { faces: 'all' }, { compat: true }, { fidelity: 2 }, { misspelt: 1 }])
    await expect(prepared.render(wrong as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(prepared.render({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  expect((await prepared.render({ output: 'jpeg' })).image[0]).toBe(0xff);
});
