// WebAssembly where something goes wrong: work that is aborted, threads that end, memory that is refused. Each is a typed error or a way
// around it, whatever was held is given back, and the next call works.

import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Picture } from '../src/image/picture.js';
import { CodeFormer } from '../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../src/models/networks.js';
import { createDevice } from '../src/node/gpu.js';
import { readImageFile } from '../src/node/images.js';
import { createRestorer } from '../src/node/restorer.js';
import { startThread } from '../src/node/wasm.js';
import { openWeights } from '../src/node/weights.js';
import type { Restorer } from '../src/pipeline/restorer.js';
import { compileModule, WasmExecutor } from '../src/wasm/executor.js';
import kernels from '../src/wasm/kernels.wasm';
import kernelsShared from '../src/wasm/kernels-shared.wasm';
import type { PlatformThread } from '../src/wasm/workers.js';
import { landmarksAt, largestDifference, scene } from './pipeline/scene.js';
import { TINY } from './tiny.js';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const modules = { shared: await compileModule(kernelsShared), alone: await compileModule(kernels) };

/** An executor, its threads and how many of them work. */
function watched(threads = 2) {
  const started: PlatformThread[] = [];
  const state = { working: 0, memory: null as WebAssembly.Memory | null };
  const executor = new WasmExecutor({
    threads,
    startThread(start, { news, failure }) {
      state.memory = start.memory;
      let busy = false;
      const ended = () => {
        state.working -= busy ? 1 : 0;
        busy = false;
      };
      const thread = startThread(start, {
        news(message) {
          if (message.kind === 'ended') ended();
          news(message);
        },
        failure(reason) {
          ended();
          failure(reason);
        },
      });
      started.push(thread);
      return {
        ...thread,
        post(work) {
          state.working++;
          busy = true;
          thread.post(work);
        },
      };
    },
    module: modules.shared,
    precision: 'auto',
    reason: undefined,
  });
  return { executor, started, state };
}

/** Everything on the thread that asks. */
const onOneThread = () =>
  new WasmExecutor({ threads: 4, startThread: null, module: modules.alone, precision: 'auto', reason: undefined });

const tiny = () => generatedWeights('codeformer', TINY, 5);
const inputOf = ({ size }: CodeFormer) =>
  Float32Array.from({ length: 3 * size ** 2 }, (_, i) => Math.sin(0.01 * i * (1 + (i % 7))));

const EXECUTORS: [string, () => WasmExecutor][] = [
  ['one thread', () => watched(1).executor],
  ['two threads', () => watched(2).executor],
  ['three threads', () => watched(3).executor],
  ['memory that is not shared', onOneThread],
];

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: { code?: string }) => error.code ?? error,
  );

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the same bytes', () => {
  test('of a network', async () => {
    const outputs: { codes: number[]; output: Float32Array }[] = [];
    for (const [, make] of EXECUTORS) {
      using executor = make();
      using net = await CodeFormer.load(executor, tiny());
      using face = await net.encode(inputOf(net));
      outputs.push({ codes: [...face.indices], output: await net.decode(face, { fidelity: 0.5 }) });
    }
    for (const other of outputs) expect(other).toEqual(outputs[0]);
  });

  test('of a photo', async () => {
    const photo = await readImageFile(path('../docs/samples/hopper.jpg'));
    const pictures: Picture[] = [];
    for (const [, make] of EXECUTORS) {
      using executor = make();
      await using restorer = await createRestorer({ device: executor });
      pictures.push((await restorer.restore(photo, { upscaling: 1 })).image);
    }
    for (const picture of pictures) expect(picture.data).toEqual(pictures[0]!.data);
  });
});

/** A network that works for a while, encoded. */
async function working(executor: WasmExecutor) {
  const net = await CodeFormer.load(executor, await openWeights('embedded'));
  const face = await net.encode(inputOf(net));
  const want = await net.decode(face);
  const decoded = async () => expect(await net.decode(face)).toEqual(want);
  return { net, face, decoded };
}

describe.each(['two threads', 'memory that is not shared'])('work that is ended early, on %s', name => {
  const make = () => {
    if (name === 'two threads') return watched();
    return { executor: onOneThread(), state: { working: 0 } };
  };

  test('by a signal', async () => {
    const { executor, state } = make();
    const { net, face, decoded } = await working(executor);
    for (const milliseconds of [0, 1, 3, 10, 20, 40, 60]) {
      const signal = AbortSignal.timeout(milliseconds);
      const code = await codeOf(net.decode(face, { signal }));
      // On a fast machine it may be done by then.
      expect(['ABORTED', null]).toContain(code);
      expect(state.working).toBe(0);
      await decoded();
    }
    expect(await codeOf(net.decode(face, { signal: AbortSignal.abort() }))).toBe('ABORTED');
    await decoded();
    executor.destroy();
  });

  test('by whoever hears of progress', async () => {
    const { executor, state } = make();
    const { net, face, decoded } = await working(executor);
    for (const share of [0, 0.2, 0.5]) {
      const controller = new AbortController();
      const onProgress = (done: number) => done > share && controller.abort();
      expect(await codeOf(net.decode(face, { signal: controller.signal, onProgress }))).toBe('ABORTED');
      expect(state.working).toBe(0);
      await decoded();
      const thrown = new Error('of the caller');
      const throwing = (done: number) => {
        if (done > share) throw thrown;
      };
      expect(await codeOf(net.decode(face, { onProgress: throwing }))).toBe(thrown);
      expect(state.working).toBe(0);
      await decoded();
    }
    executor.destroy();
  });

  test('while others wait', async () => {
    const { executor } = make();
    const { net, face, decoded } = await working(executor);
    const controller = new AbortController();
    const first = codeOf(net.decode(face, { signal: controller.signal, onProgress: () => controller.abort() }));
    await Promise.all([decoded(), decoded()]);
    expect(await first).toBe('ABORTED');
    executor.destroy();
  });

  test('by destroy()', async () => {
    const { executor, state } = make();
    const { net, face } = await working(executor);
    const waiting = codeOf(Promise.resolve().then(() => net.decode(face)));
    const code = await codeOf(net.decode(face, { onProgress: () => executor.destroy() }));
    expect([code, await waiting]).toEqual(['DESTROYED', 'DESTROYED']);
    expect(state.working).toBe(0);
    await expect(executor.lost).resolves.toBe('destroyed');
    expect(executor.memory.allocated).toBe(0);
  });
});

test('progress goes up', async () => {
  const { executor } = watched(3);
  const { net, face } = await working(executor);
  const shares: number[] = [];
  await net.decode(face, { onProgress: done => shares.push(done) });
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
  executor.destroy();
});

describe('threads that end', () => {
  test('in the middle of work', async () => {
    const { executor, started, state } = watched();
    const { net, face, decoded } = await working(executor);
    for (const wanted of [3, 4, 5]) {
      const onProgress = () => started.at(-1)!.stop();
      expect(await codeOf(net.decode(face, { onProgress }))).toBe('WORKER_FAILED');
      expect(state.working).toBe(0);
      await decoded();
      expect(started.length).toBe(wanted);
    }
    executor.destroy();
  });

  test('when there is nothing to do', async () => {
    const { executor, started } = watched();
    const { decoded } = await working(executor);
    for (const thread of started) thread.stop();
    await sleep(100);
    await decoded();
    expect(started.length).toBe(4);
    executor.destroy();
  });

  test('before they begin', async () => {
    let refused = true;
    const executor = new WasmExecutor({
      threads: 2,
      startThread(...start) {
        if (refused) throw new Error('no more threads');
        return startThread(...start);
      },
      module: modules.shared,
      precision: 'auto',
      reason: undefined,
    });
    const loading = CodeFormer.load(executor, tiny()).then(net => net.encode(inputOf(net)));
    await expect(loading).rejects.toMatchObject({
      code: 'WORKER_FAILED',
      message: expect.stringContaining('no more threads'),
    });
    refused = false;
    const net = await CodeFormer.load(executor, tiny());
    expect((await net.encode(inputOf(net))).indices.length).toBeGreaterThan(0);
    executor.destroy();
  });
});

const photo = scene(160, 100);
const faces = [{ landmarks: landmarksAt(60, 50, 60) }];
const restorerOn = (device: WasmExecutor): Promise<Restorer> =>
  createRestorer({ device, weights: tiny(), detector: null, upscaler: null });

describe('two restorations at once', () => {
  test.each([
    ['on one restorer', 1],
    ['on two restorers', 2],
  ])('%s', async (_, count) => {
    const { executor } = watched();
    const restorers = await Promise.all(Array.from({ length: count }, () => restorerOn(executor)));
    const { image } = await restorers[0]!.restore(photo, { faces });
    const images = await Promise.all([0, 1, 2, 3].map(i => restorers[i % count]!.restore(photo, { faces })));
    for (const other of images) expect(largestDifference(other.image, image)).toBe(0);
    for (const restorer of restorers) await restorer.destroy();
    expect(executor.memory.allocated).toBe(0);
    executor.destroy();
  });

  test('on two devices', async () => {
    const executors = [watched().executor, watched().executor];
    const restorers = await Promise.all(executors.map(restorerOn));
    const [one, other] = await Promise.all(restorers.map(restorer => restorer.restore(photo, { faces })));
    expect(other!.image).toEqual(one!.image);
    for (const restorer of restorers) await restorer.destroy();
    for (const executor of executors) executor.destroy();
  });
});

describe('memory', () => {
  test('that does not grow', async () => {
    const { grow } = WebAssembly.Memory.prototype;
    const large = scene(1000, 800);
    let refusals = 0;
    for (let allowed = 0; ; allowed++) {
      let count = 0;
      vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(function (this: WebAssembly.Memory, pages) {
        if (count++ >= allowed) throw new RangeError('injected');
        return grow.call(this, pages);
      });
      const executor = onOneThread();
      const call = async () => {
        await using restorer = await restorerOn(executor);
        return await restorer.restore(large, { faces });
      };
      const code = await codeOf(call());
      expect(executor.memory.allocated, `${allowed} times`).toBe(0);
      vi.restoreAllMocks();
      expect((await call()).faces.length).toBe(1);
      executor.destroy();
      if (code === null) break;
      expect([allowed, code]).toEqual([allowed, 'OUT_OF_MEMORY']);
      refusals++;
    }
    expect(refusals).toBeGreaterThan(3);
  });

  test('that threads have for themselves', async () => {
    const { executor } = watched();
    const net = await CodeFormer.load(executor, tiny());
    const allocated = executor.memory.allocated;
    vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw new RangeError('injected');
    });
    const code = await codeOf(net.encode(inputOf(net)));
    expect([null, 'OUT_OF_MEMORY']).toContain(code);
    vi.restoreAllMocks();
    using face = await net.encode(inputOf(net));
    expect(face.indices.length).toBeGreaterThan(0);
    expect(executor.memory.allocated).toBeGreaterThanOrEqual(allocated);
    executor.destroy();
  });

  test('is given back, and used again by a hundred photos', async () => {
    const { executor, state } = watched();
    const restorer = await restorerOn(executor);
    const sizes = new Set<number>();
    for (let i = 0; i < 100; i++) {
      await restorer.restore(photo, { faces, upscaling: 1 + (i % 2) });
      if (i >= 4) sizes.add(state.memory!.buffer.byteLength);
    }
    expect(sizes.size).toBe(1);
    await restorer.destroy();
    expect(executor.memory.allocated).toBe(0);
    executor.destroy();
  });
});

describe('what is asked for', () => {
  test('without SIMD', async () => {
    vi.spyOn(WebAssembly, 'compile').mockRejectedValue(new WebAssembly.CompileError('invalid value type'));
    await expect(createDevice({ adapter: 'wasm' })).rejects.toMatchObject({
      code: 'NO_ADAPTER',
      message: expect.stringContaining('SIMD'),
    });
    const { adapter } = await createDevice({ adapter: 'auto' });
    expect(adapter.architecture).not.toBe('wasm');
  });

  test('half floats', async () => {
    const refused = createDevice({ adapter: 'wasm', precision: 'f16' });
    await expect(refused).rejects.toMatchObject({ code: 'ADAPTER_LIMITS' });
  });

  test.each([0, 65, 1.5, '2', null, Number.NaN])('%s threads', async threads => {
    const refused = createDevice({ adapter: 'wasm', threads: threads as number });
    await expect(refused).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('threads'),
    });
  });
});

test.each([
  ['a device that nobody uses', [], { codes: 256 }],
  ['a device destroyed while it works', ['destroy'], { codes: 256, code: 'DESTROYED' }],
])('the process ends with %s', async (_, more, want) => {
  const run = promisify(execFile)(process.execPath, [path('../scripts/run.mjs'), 'test/wasm-idle.ts', ...more], {
    timeout: 60_000,
  });
  expect(JSON.parse((await run).stdout)).toEqual(want);
});
