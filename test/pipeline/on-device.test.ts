// Photos and results in textures and buffers of the caller's own, on a device of the caller's own that has the least limits of the specification:
// the same pixels as by way of memory, none of which are read or written on the way.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { adapterInfo } from '../../src/gpu/adapter.js';
import { Device } from '../../src/gpu/device.js';
import { BufferUsage, MapMode, TextureUsage } from '../../src/gpu/flags.js';
import { lower } from '../../src/gpu/lower.js';
import { planMemory, storageBytes } from '../../src/graph/memory.js';
import type { Picture } from '../../src/image/picture.js';
import { CodeFormer } from '../../src/models/codeformer/codeformer.js';
import { decodeProgram, encodeProgram } from '../../src/models/codeformer/network.js';
import { OFFICIAL_CONFIG } from '../../src/models/codeformer/tensors.js';
import { generatedWeights } from '../../src/models/networks.js';
import { createDevice, createRestorer, decodeImage, openWeights } from '../../src/node/index.js';
import type { Restorer } from '../../src/pipeline/restorer.js';
import type { DevicePhoto, DeviceTarget } from '../../src/pipeline/types.js';
import { leastDevice, testExecutor } from '../device.js';
import { TINY } from '../tiny.js';
import { landmarksAt, largestDifference, restorerWith, scene } from './scene.js';

const FORMATS = ['rgba8unorm', 'rgba8unorm-srgb', 'bgra8unorm', 'bgra8unorm-srgb'] as const;
const { COPY_SRC, COPY_DST } = BufferUsage;
const { TEXTURE_BINDING, RENDER_ATTACHMENT } = TextureUsage;
/** Neither is a multiple of what WebGPU asks of rows in copies. */
const [WIDTH, HEIGHT] = [90, 70];
const size = { width: WIDTH, height: HEIGHT };

let gpu: GPUDevice;
let bare: Restorer;
let restorer: Restorer;
beforeAll(async () => {
  gpu = await leastDevice();
  bare = await createRestorer({ device: gpu, weights: null, detector: null, upscaler: null });
  restorer = await createRestorer({
    device: gpu,
    weights: generatedWeights('codeformer', TINY, 3),
    upscaler: generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 11),
  });
});
afterAll(async () => {
  await bare.destroy();
  await restorer.destroy();
  gpu.destroy();
});

function texture(format: GPUTextureFormat, { width, height }: Picture | typeof size, more = 0): GPUTexture {
  const usage = COPY_SRC_TEXTURE | TextureUsage.COPY_DST | TEXTURE_BINDING | RENDER_ATTACHMENT | more;
  return gpu.createTexture({ size: { width, height }, format, usage });
}
const COPY_SRC_TEXTURE = 0x01;

const buffer = (bytes: number, usage: number = COPY_SRC | COPY_DST): GPUBuffer =>
  gpu.createBuffer({ size: bytes, usage });

const swapped = (data: Uint8Array | Uint8ClampedArray): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(data, (_, i) => data[i % 4 === 3 || i % 4 === 1 ? i : i ^ 2]!);

function textureOf(picture: Picture, format: GPUTextureFormat): GPUTexture {
  const made = texture(format, picture);
  const data = format.startsWith('bgra') ? swapped(picture.data) : Uint8Array.from(picture.data);
  const { width, height } = picture;
  gpu.queue.writeTexture({ texture: made }, data, { bytesPerRow: 4 * width }, { width, height });
  return made;
}

function bufferOf({ data, width, height }: Picture): DevicePhoto & { buffer: GPUBuffer } {
  const made = buffer(data.length);
  gpu.queue.writeBuffer(made, 0, Uint8Array.from(data));
  return { buffer: made, width, height };
}

/** What is in a texture or buffer, copied by commands that are submitted now. */
async function pixelsIn(target: GPUTexture | { buffer: GPUBuffer; width: number; height: number }): Promise<Picture> {
  const { width, height } = target;
  const inTexture = 'createView' in target;
  const row = inTexture ? Math.ceil((4 * width) / 256) * 256 : 4 * width;
  const staging = buffer(row * height, COPY_DST | BufferUsage.MAP_READ);
  const encoder = gpu.createCommandEncoder();
  if (inTexture)
    encoder.copyTextureToBuffer({ texture: target }, { buffer: staging, bytesPerRow: row }, { width, height });
  else encoder.copyBufferToBuffer(target.buffer, 0, staging, 0, row * height);
  gpu.queue.submit([encoder.finish()]);
  await staging.mapAsync(MapMode.READ);
  const bytes = new Uint8Array(staging.getMappedRange());
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) data.set(bytes.subarray(row * y, row * y + 4 * width), 4 * width * y);
  staging.destroy();
  return {
    data: inTexture && target.format.startsWith('bgra') ? Uint8ClampedArray.from(swapped(data)) : data,
    width,
    height,
  };
}

/** Sizes of all that a call reads from the device and writes to it, in bytes, as WebGPU sees them. */
async function transfers(call: () => Promise<unknown>): Promise<{ reads: number[]; writes: number[] }> {
  const created = vi.spyOn(gpu, 'createBuffer');
  const written = vi.spyOn(gpu.queue, 'writeBuffer');
  const others = ['writeTexture', 'copyExternalImageToTexture'] as const;
  const unused = others.map(name => vi.spyOn(gpu.queue, name));
  try {
    await call();
    for (const spy of unused) expect(spy).not.toHaveBeenCalled();
    const mapped = created.mock.calls.filter(([{ usage }]) => usage & BufferUsage.MAP_READ);
    const writes = written.mock.calls.map(([, , data, offset = 0, count = data.byteLength - offset]) => count);
    return { reads: mapped.map(([{ size: bytes }]) => bytes), writes };
  } finally {
    vi.restoreAllMocks();
  }
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

test('the device has the least limits', () => {
  expect(gpu.limits).toMatchObject({
    maxStorageBufferBindingSize: 128 * 2 ** 20,
    maxBufferSize: 256 * 2 ** 20,
    maxComputeWorkgroupStorageSize: 16 * 2 ** 10,
    maxComputeInvocationsPerWorkgroup: 256,
    maxStorageBuffersPerShaderStage: 8,
  });
  expect(bare.info).toMatchObject({ software: true });
});

describe('pixels that nothing is done to', () => {
  const nothing = { faces: [], upscaling: 1 } as const;
  /** Every byte in every channel, also where it is transparent. */
  const photo: Picture = {
    ...size,
    data: Uint8ClampedArray.from({ length: 4 * WIDTH * HEIGHT }, (_, i) => (i * 37) % 256),
  };

  test.each(FORMATS)('come from %s, and go there', async format => {
    const [from, to, between] = [
      textureOf(photo, format),
      texture(format, size),
      { ...size, buffer: buffer(photo.data.length) },
    ];
    const told = await bare.restoreInto(from, between, nothing);
    expect(told).toMatchObject({ width: WIDTH, height: HEIGHT, faces: [], warnings: [] });
    expect(largestDifference(await pixelsIn(between), photo)).toBe(0);
    await bare.restoreInto(between, to, nothing);
    expect(largestDifference(await pixelsIn(to), photo)).toBe(0);
  });

  test('pass through half floats', async () => {
    const [half, to] = [texture('rgba16float', size), { ...size, buffer: buffer(photo.data.length) }];
    await bare.restoreInto(bufferOf(photo), half, nothing);
    await bare.restoreInto(half, to, nothing);
    expect(largestDifference(await pixelsIn(to), photo)).toBe(0);
  });

  test('come from memory as well', async () => {
    const to = texture('rgba8unorm', size);
    await bare.restoreInto(photo, to, nothing);
    expect(largestDifference(await pixelsIn(to), photo)).toBe(0);
  });
});

describe('faces', () => {
  const CROP = 4 * TINY.size ** 2;
  const photo = scene(270, 210);
  const faces = [{ landmarks: landmarksAt(120, 105, 90) }, { landmarks: landmarksAt(210, 120, 40) }];

  test.each([
    ['as they are', {}],
    ['in grey', { grayscale: true }],
    ['as the reference does it', { compat: true, upscaling: 1, faces: [] }],
  ])('are restored as by way of memory, %s, without pixels being read or written', async (_, options) => {
    const want = await restorer.restore(photo, { faces, ...options });
    const to = texture('bgra8unorm', want.image);
    const from = textureOf(photo, 'rgba8unorm');
    const { allocated } = restorer.info.memory;
    let told!: Awaited<ReturnType<Restorer['restoreInto']>>;
    const { reads, writes } = await transfers(async () => {
      told = await restorer.restoreInto(from, to, { faces, ...options });
    });
    expect(largestDifference(await pixelsIn(to), want.image)).toBe(0);
    expect(told.faces.map(({ timings, ...face }) => face)).toEqual(
      want.faces.map(({ timings, crop, restored, ...face }) => face),
    );
    expect(restorer.info.memory.allocated).toBe(allocated);
    // Sums over colours and cells, and codes; tables of where pixels lie.
    expect(sum(reads)).toBeLessThan(photo.data.length / 4);
    expect([...reads, ...writes]).not.toContain(CROP);
    expect(Math.max(...writes)).toBeLessThan(photo.data.length / 8);
  });

  test('a crop is encoded and decoded in buffers', async () => {
    const crop = scene(TINY.size, TINY.size);
    using want = await restorer.encode(crop);
    const from = bufferOf(crop);
    const to = { ...crop, data: undefined, buffer: buffer(crop.data.length) };
    const { reads, writes } = await transfers(async () => {
      using face = await restorer.encode(from);
      expect(face.indices).toEqual(want.indices);
      await face.decodeInto(to, { fidelity: 0.3 });
    });
    expect(await pixelsIn(to)).toEqual(await want.decode({ fidelity: 0.3 }));
    expect(sum(reads)).toBeLessThan(CROP);
    expect(writes).not.toContain(CROP);
    // One of another size is resized there.
    using other = await restorer.encode(bufferOf(photo));
    using same = await restorer.encode(photo);
    expect([other.indices, other.warnings]).toEqual([same.indices, same.warnings]);
  });

  test('functions of the caller get pixels in memory', async () => {
    const seen: number[] = [];
    await restorer.restoreInto(textureOf(photo, 'rgba8unorm'), texture('rgba8unorm', { width: 540, height: 420 }), {
      detectFaces: picture => {
        seen.push(largestDifference(picture, photo));
        return faces;
      },
      restoreFace: crop => {
        seen.push(crop.data.length);
        return crop;
      },
    });
    expect(seen).toEqual([0, CROP, CROP]);
  });
});

test('the faces of a photo are found where it is', async () => {
  const photo = await decodeImage(readFileSync(new URL('../../docs/samples/hopper.jpg', import.meta.url)));
  const from = bufferOf(photo);
  let found!: Awaited<ReturnType<Restorer['detect']>>;
  const { reads, writes } = await transfers(async () => {
    found = await restorer.detect(from);
  });
  expect(found).toHaveLength(1);
  expect(found).toEqual(await restorer.detect(photo));
  expect(sum(reads)).toBeLessThan(photo.data.length);
  expect(Math.max(...writes)).toBeLessThan(photo.data.length);
});

describe('refused', () => {
  const photo = scene(WIDTH, HEIGHT);
  const nothing = { faces: [], upscaling: 1 } as const;
  const into = (target: unknown, from: unknown = photo, options: object = nothing) =>
    bare.restoreInto(from as DevicePhoto, target as DeviceTarget, options);
  const wrong = (message: RegExp) => ({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });

  test('targets that the result does not fit', async () => {
    await expect(into(texture('rgba8unorm', { width: 7, height: 3 }))).rejects.toMatchObject(
      wrong(/the size of the result, 90x70, for target but received "7x3"/),
    );
    await expect(into({ ...size, buffer: buffer(4 * WIDTH * HEIGHT - 4) })).rejects.toMatchObject(
      wrong(/a buffer of at least 25200 bytes for 90x70/),
    );
    await expect(into({ ...size, height: 0.5, buffer: buffer(8) })).rejects.toMatchObject(
      wrong(/a whole number of at least 1 for target.height/),
    );
    await expect(into({ ...size, buffer: buffer(4 * WIDTH * HEIGHT + 4), offset: 4 })).rejects.toMatchObject(
      wrong(/rows begin with the buffer and have no gaps, for target.offset but received 4/),
    );
    for (const target of [undefined, null, {}, 'canvas', new Uint8Array(4)])
      await expect(into(target)).rejects.toMatchObject(wrong(/a GPUTexture, .+ or a canvas for target/));
    await expect(into({ getContext: () => null })).rejects.toMatchObject(
      wrong(/a canvas with a WebGPU context that is configured/),
    );
    const getCurrentTexture = () => {
      throw new TypeError('the context is not configured');
    };
    await expect(into({ ...size, getContext: () => ({ getCurrentTexture }) })).rejects.toMatchObject(
      wrong(/a canvas with a WebGPU context that is configured/),
    );
  });

  test('a device that is lost before a restorer is made with it, and a precision or kind that it has not', async () => {
    const { gpu: gone } = await createDevice({ adapter: 'software' });
    gone.destroy();
    const networks = { weights: null, upscaler: null };
    await expect(createRestorer({ device: gone, ...networks })).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    using executor = await createDevice({ adapter: 'software', precision: 'f32' });
    await expect(createRestorer({ device: executor, precision: 'f16', ...networks })).rejects.toMatchObject(
      wrong(/f32, in which the device computes, for precision but received "f16"/),
    );
    for (const device of [executor, executor.gpu]) {
      await expect(createRestorer({ device, adapter: 'gpu', ...networks })).rejects.toMatchObject(
        wrong(/"software", which the given device is of, or "auto" for adapter but received "gpu"/),
      );
    }
    expect((await createDevice({ device: executor.gpu, adapter: 'software' })).gpu).toBe(executor.gpu);
  });

  test('textures and buffers that cannot be used', async () => {
    const only = (usage: number, format: GPUTextureFormat = 'rgba8unorm') => gpu.createTexture({ size, format, usage });
    const target = texture('rgba8unorm', size);
    await expect(into(only(TEXTURE_BINDING))).rejects.toMatchObject(wrong(/the usage RENDER_ATTACHMENT for target/));
    await expect(into(target, only(RENDER_ATTACHMENT))).rejects.toMatchObject(
      wrong(/the usage TEXTURE_BINDING for photo/),
    );
    await expect(into(target, only(TEXTURE_BINDING, 'r8unorm'))).rejects.toMatchObject(
      wrong(/a texture of rgba8unorm, .+ for photo/),
    );
    const layers = { ...size, depthOrArrayLayers: 2 };
    await expect(
      into(gpu.createTexture({ size: layers, format: 'rgba8unorm', usage: RENDER_ATTACHMENT })),
    ).rejects.toMatchObject(wrong(/two dimensions, one layer and one sample for target/));
    const bytes = 4 * WIDTH * HEIGHT;
    await expect(into({ ...size, buffer: buffer(bytes, COPY_SRC) })).rejects.toMatchObject(wrong(/the usage COPY_DST/));
    await expect(into(target, { ...size, buffer: buffer(bytes, COPY_DST) })).rejects.toMatchObject(
      wrong(/the usage COPY_SRC/),
    );
    const gone = textureOf(photo, 'rgba8unorm');
    gone.destroy();
    await expect(into(target, gone)).rejects.toMatchObject({ code: 'GPU_ERROR' });
    // The next one goes well.
    expect((await into(target)).width).toBe(WIDTH);
  });

  test('what is too large, and options of results in memory', async () => {
    const target = texture('rgba8unorm', size);
    await expect(into(target, photo, { ...nothing, upscaling: 80 })).rejects.toMatchObject({ code: 'ADAPTER_LIMITS' });
    await expect(into(target, textureOf(photo, 'rgba8unorm'), { ...nothing, maxPixels: 6299 })).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
    });
    for (const options of [{ aligned: true }, { output: 'png' }, { metadata: 'none' }])
      await expect(into(target, photo, options)).rejects.toMatchObject(wrong(/options among/));
  });

  test('devices that are not of WebGPU', async () => {
    const other = await restorerWith({ device: await testExecutor() });
    await expect(other.restoreInto(photo, texture('rgba8unorm', size))).rejects.toMatchObject(
      wrong(/a device of WebGPU/),
    );
    await expect(other.restoreInto(textureOf(photo, 'rgba8unorm'), texture('rgba8unorm', size))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await other.destroy();
  });
});

describe('under the least limits', () => {
  // SwiftShader takes the variants for processors of its own accord.
  test('the embedded network fits as GPUs run it', async () => {
    const device = new Device(gpu, adapterInfo(gpu.adapterInfo), { target: { family: 'workgroup' } });
    const weights = await openWeights('embedded');
    (await CodeFormer.load(device, weights)).destroy();
    expect(device.memory.allocated).toBe(0);
    await weights.close();
  });

  test.each(['workgroup', 'registers'] as const)('the original one fits, by %s', family => {
    const most = gpu.limits.maxStorageBufferBindingSize;
    const target = { family, precision: 'f32', maxBindingSize: most } as const;
    const variant = { fuse: true, adain: true, map: false };
    const programs = [
      encodeProgram(OFFICIAL_CONFIG, 1, 'picture'),
      decodeProgram(OFFICIAL_CONFIG, 1, variant, 'picture'),
    ];
    for (const program of programs) {
      const calls = lower(program, target);
      const lying = calls.flatMap(({ operands }) => Object.values(operands));
      const bytes = [...planMemory(calls, 'f32').slots, ...lying.map(storage => storageBytes(storage, 'f32'))];
      expect(Math.max(...bytes)).toBeLessThanOrEqual(most);
      const groups = calls.flatMap(({ dispatches }) => dispatches.flatMap(({ workgroups }) => workgroups));
      expect(Math.max(...groups)).toBeLessThanOrEqual(gpu.limits.maxComputeWorkgroupsPerDimension);
    }
  });
});
