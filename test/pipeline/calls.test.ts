// Calls beside one another: what is decoded ahead, times that add up, and ends that come from outside: aborts, `destroy`, parts of the
// caller that never answer or make calls themselves.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { onAbort, orAbort } from '../../src/abort.js';
import type { Picture } from '../../src/image/picture.js';
import { encodeImage } from '../../src/node/images.js';
import { NODE } from '../../src/node/restorer.js';
import { insideOfStack } from '../../src/pipeline/platform.js';
import { Queue } from '../../src/pipeline/queue.js';
import { Restorer } from '../../src/pipeline/restorer.js';
import { testExecutor } from '../device.js';
import { flat, landmarksAt, restorerWith, scene } from './scene.js';

const photo = scene(160, 100);
const faces = [{ landmarks: landmarksAt(60, 50, 60) }];
const never = () => new Promise<Picture>(() => {});
const turns = (count: number) => new Promise(resolve => setTimeout(resolve, count));

const open: Restorer[] = [];
afterEach(async () => {
  for (const restorer of open.splice(0)) await restorer.destroy();
});
async function opened(platform?: object): Promise<Restorer> {
  const options = { weights: null, detector: null, upscaler: null, device: await testExecutor() };
  const restorer = platform ? await Restorer.create(options, { ...NODE, ...platform }) : await restorerWith(options);
  open.push(restorer);
  return restorer;
}

describe('many at once', () => {
  test('decode one photo ahead, and encode one result behind', async () => {
    let held = 0;
    let most = 0;
    const decodeImage: typeof NODE.decodeImage = async (...args) => {
      most = Math.max(most, ++held);
      return NODE.decodeImage(...args);
    };
    const encodeSlowly: typeof NODE.encodeImage = async (...args) => {
      await turns(20);
      return NODE.encodeImage(...args);
    };
    const restorer = await opened({ decodeImage, encodeImage: encodeSlowly });
    const png = await encodeImage(photo);
    const call = async () => {
      const { width } = await restorer.restore(png, { faces: [], upscaling: 1, output: 'webp' });
      held--;
      return width;
    };
    expect(await Promise.all(Array.from({ length: 12 }, call))).toEqual(Array(12).fill(160));
    expect(most).toBeLessThanOrEqual(3);
  });

  test('say times that add up, and apart from them how long they waited', async () => {
    const restorer = await opened();
    const png = await encodeImage(photo);
    const options = { faces, restoreFace: flat([1, 2, 3]), output: 'png' } as const;
    const results = await Promise.all([1, 2, 3].map(() => restorer.restore(png, options)));
    for (const { timings } of results) {
      const { total, wait, ...stages } = timings;
      expect(Object.keys(stages)).toEqual(expect.arrayContaining(['decode', 'detect', 'restore', 'paste', 'encode']));
      expect(Object.values(stages).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(total!, 6);
      expect(wait).toBeGreaterThanOrEqual(0);
    }
    // The last one waited for the others, whose work is not part of its own.
    expect(results[2]!.timings.wait).toBeGreaterThan(results[0]!.timings.wait!);
    for await (const { timings } of restorer.restoreMany([png, png], options)) {
      const { total, wait, ...stages } = timings;
      expect(stages.decode).toBeGreaterThan(0);
      expect(Object.values(stages).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(total!, 6);
    }
  });

  test('share a signal without a warning, and keep nothing of it', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const restorer = await opened();
    await Promise.all(Array.from({ length: 20 }, () => restorer.detect(photo, { detectFaces: () => [], signal })));
    await turns(1);
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
    expect(add).toHaveBeenCalledTimes(1);
  });
});

describe('parts that never answer', () => {
  test('end with an abort, and hold nobody up', async () => {
    const restorer = await opened();
    for (const part of [{ restoreFace: never }, { detectFaces: never as () => never, faces: 'all' as const }]) {
      const controller = new AbortController();
      const hanging = restorer.restore(photo, { faces, ...part, signal: controller.signal });
      const next = restorer.restore(photo, { faces: [] });
      setTimeout(() => controller.abort(), 50);
      await expect(hanging).rejects.toMatchObject({ code: 'ABORTED' });
      expect((await next).width).toBe(320);
    }
  });

  test('end with `destroy`, as do those who wait', async () => {
    const device = await testExecutor();
    const before = device.memory.allocated;
    const restorer = await opened();
    const begun = new Promise<void>(resolve => {
      const restoreFace = () => {
        resolve();
        return never();
      };
      restorer.restore(photo, { faces, restoreFace }).catch(error => results.push(error.code));
    });
    const results: string[] = [];
    restorer.restore(photo, { faces: [] }).catch(error => results.push(error.code));
    await begun;
    await restorer.destroy();
    expect(results).toEqual(['DESTROYED', 'DESTROYED']);
    expect(device.memory.allocated).toBe(before);
  });
});

describe('parts that call the restorer', () => {
  test('get what they ask for, now or after they have waited', async () => {
    const restorer = await opened();
    const inner = { faces, restoreFace: flat([9, 8, 7]), upscaling: 1 };
    const restoreFace = async (crop: Picture) => {
      await turns(2);
      const [{ image }, found] = await Promise.all([
        restorer.restore(crop, { ...inner, aligned: true }),
        restorer.detect(crop, { detectFaces: () => faces }),
      ]);
      expect(found.length).toBe(1);
      return image;
    };
    const { faces: found } = await restorer.restore(photo, { faces, restoreFace });
    expect([...found[0]!.restored.data.subarray(0, 3)]).toEqual([9, 8, 7]);
    // What a part leaves behind is a call like any other.
    let late: Promise<unknown> | undefined;
    const leaving = (crop: Picture) => {
      setTimeout(() => {
        late = restorer.restore(photo, { faces: [] });
      }, 0);
      return crop;
    };
    await restorer.restore(photo, { faces, restoreFace: leaving });
    await turns(5);
    await late;
  });

  test('where contexts are not kept, as far as they call at once', async () => {
    const restorer = await opened({ inside: insideOfStack() });
    const restoreFace = async (crop: Picture) =>
      (await restorer.restore(crop, { aligned: true, restoreFace: flat([9, 8, 7]) })).image;
    const { faces: found } = await restorer.restore(photo, { faces, restoreFace });
    expect([...found[0]!.restored.data.subarray(0, 3)]).toEqual([9, 8, 7]);
  });

  test('may destroy it', async () => {
    const restorer = await opened();
    const restoreFace = async (crop: Picture) => {
      await restorer.destroy();
      return crop;
    };
    await expect(restorer.restore(photo, { faces, restoreFace })).rejects.toMatchObject({ code: 'DESTROYED' });
  });
});

test('a call at work ends with `destroy`', async () => {
  const restorer = await opened();
  let ending: Promise<void> | undefined;
  const call = restorer.restore(photo, {
    faces: [],
    onProgress: ({ stage }) => {
      if (stage === 'detect') ending = restorer.destroy();
    },
  });
  await expect(call).rejects.toMatchObject({ code: 'DESTROYED' });
  await ending;
});

test('who leaves the queue early lets nobody pass', async () => {
  const queue = new Queue();
  const [first, second, third] = [queue.join(), queue.join(), queue.join()];
  const seen: string[] = [];
  third.next.then(() => seen.push('third may get ready'));
  third.turn.then(() => seen.push('turn of the third'));
  second.leave();
  await turns(1);
  expect(seen).toEqual([]);
  first.begin();
  await turns(1);
  expect(seen).toEqual(['third may get ready']);
  first.leave();
  await turns(1);
  expect(seen.length).toBe(2);
});

test('waiting for an abort', async () => {
  const controller = new AbortController();
  const [called, stopped] = [vi.fn(), vi.fn()];
  onAbort(controller.signal, called);
  onAbort(controller.signal, stopped)();
  expect(await orAbort(controller.signal, () => 5)).toBe(5);
  await expect(
    orAbort(controller.signal, () => {
      throw new Error('of the work');
    }),
  ).rejects.toThrow('of the work');
  controller.abort('why');
  expect([called.mock.calls.length, stopped.mock.calls.length]).toEqual([1, 0]);
  await expect(orAbort(controller.signal, () => 5)).rejects.toMatchObject({ code: 'ABORTED', cause: 'why' });
});
