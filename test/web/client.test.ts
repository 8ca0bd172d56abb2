// The client on a page: calls, errors, progress and aborts cross to the worker and back as the library has them.

import { readdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as Client from '../../src/web/client.js';
import type * as Library from '../../src/web/index.js';
import type * as NotesOfBrowsers from '../../src/web/notes.js';
import { buildProject } from '../built.js';
import { launchChromium, openPage } from './chromium.js';
import { type Route, sendBytes, serveProject, type TestServer } from './server.js';
import { tinyRestorer } from './tiny-weights.js';

declare global {
  /** In the page of these tests. */
  var client: typeof Client;
  var library: typeof Library;
  var restorer: Client.ClientRestorer;
  /** A photo with one face, and the options that say where. */
  var photo: { data: Uint8ClampedArray<ArrayBuffer>; width: number; height: number };
  var face: Client.ClientRestoreOptions & { readonly output?: undefined };
  /** What the test of a lost device has: a restorer on WebGPU, and what is on its device. */
  var fragile: Client.ClientRestorer;
  var prepared: Client.PreparedPhoto;
  var before: Client.RestoreResult;
  var encoded: Client.EncodedFace;
  var running: Promise<string>;
  /** The code of the error of a promise. */
  var codeOf: (work: Promise<unknown>) => Promise<string>;
}

const chromium = await launchChromium();

describe.skipIf(!chromium)('the client', () => {
  let server: TestServer;
  let page: Page & { readonly faults: readonly string[] };

  beforeAll(async () => {
    await buildProject();
    server = await serveProject();
    const tiny = await tinyRestorer();
    server.routes.set('/tiny.safetensors', (request, response) => sendBytes(request, response, tiny));
    page = await openPage(chromium as Browser, server);
    await page.evaluate(async () => {
      globalThis.client = await load('/dist/client.js');
      globalThis.library = await load('/dist/web.js');
      const [width, height] = [96, 80];
      const data = new Uint8ClampedArray(4 * width * height);
      for (let i = 0; i < data.length; i++) data[i] = i % 4 === 3 ? 255 : 128 + 100 * Math.sin(i / (40 + (i % 4)));
      globalThis.photo = { data, width, height };
      const landmarks = [
        [38, 32],
        [58, 32],
        [48, 44],
        [40, 54],
        [56, 54],
      ] as const;
      globalThis.face = { faces: [{ landmarks }], upscaling: 1, seed: 1 };
      globalThis.codeOf = work =>
        work.then(
          () => 'no error',
          error => (error instanceof client.CodeFormerError ? error.code : String(error)),
        );
      globalThis.restorer = await client.createRestorer({
        weights: 'tiny.safetensors',
        detector: null,
        upscaler: null,
      });
    });
  });
  afterAll(async () => {
    await chromium?.close();
    await server?.close();
  });

  test('restores as the library does, and leaves what it was given', async () => {
    const seen = await page.evaluate(async () => {
      const shares: number[] = [];
      const options = { ...face, onProgress: ({ done }: Client.Progress) => void shares.push(done) };
      const result = await restorer.restore(photo, options);
      const own = await library.createRestorer({ weights: 'tiny.safetensors', detector: null, upscaler: null });
      const expected = await own.restore(photo, face);
      await own.destroy();
      const text = ({ timings, faces, image, ...others }: typeof result) => {
        const rows = faces.map(({ timings, crop, restored, indices, margin, transform, ...row }) => {
          const arrays = [crop.data, restored.data, indices!, margin!, transform].map(array => [...array]);
          return { ...row, arrays };
        });
        return JSON.stringify({ ...others, rows, image: [...image.data], kind: image.data.constructor.name });
      };
      return {
        same: text(result) === text(expected),
        faces: result.faces.length,
        stages: Object.keys(result.timings).length,
        changed: result.image.data.some((value, i) => value !== photo.data[i]),
        kept: photo.data.length,
        grows: shares.every((share, i) => i === 0 || share >= shares[i - 1]!),
        last: shares.at(-1),
        size: restorer.info.size,
      };
    });
    expect(seen).toEqual({
      same: true,
      faces: 1,
      stages: expect.any(Number),
      changed: true,
      kept: 4 * 96 * 80,
      grows: true,
      last: 1,
      size: 32,
    });
    expect(seen.stages).toBeGreaterThan(2);
  });

  test('gives a sweep, encoded pictures, and faces that are decoded as often as wanted', async () => {
    const seen = await page.evaluate(async () => {
      const { images } = await restorer.sweep(photo, { ...face, fidelity: [0, 1], output: 'png' });
      const blob = new Blob([images[0]!.image as Uint8Array<ArrayBuffer>]);
      const { width, height } = await createImageBitmap(blob);
      const crop = { data: photo.data.slice(0, 4 * 32 * 32), width: 32, height: 32 };
      const encoded = await restorer.encode(crop);
      const [a, b, c] = [
        await encoded.decode({ fidelity: 0.5 }),
        await encoded.decode({ fidelity: 0.5 }),
        await encoded.decode({ fidelity: 0.5, indices: encoded.indices.map(code => (code + 1) % 16) }),
      ];
      const logits = await encoded.logits();
      const best = encoded.indices.every((code, i) =>
        logits.subarray(16 * i, 16 * i + 16).every(x => x <= logits[16 * i + code]!),
      );
      encoded.destroy();
      const again = await codeOf(encoded.decode());
      return {
        fidelities: images.map(({ fidelity }) => fidelity),
        size: [width, height],
        tokens: encoded.indices.length,
        best,
        same: String(a.data) === String(b.data),
        others: String(a.data) !== String(c.data),
        again,
      };
    });
    expect(seen).toEqual({
      fidelities: [0, 1],
      size: [96, 80],
      tokens: 256,
      best: true,
      same: true,
      others: true,
      again: 'DESTROYED',
    });
  });

  test('pixels come back in the form in which they went in, encoded photos as pixels', async () => {
    const seen = await page.evaluate(async () => {
      const image = new ImageData(photo.data.slice(), photo.width, photo.height);
      const canvas = Object.assign(document.createElement('canvas'), { width: photo.width, height: photo.height });
      canvas.getContext('2d')!.putImageData(image, 0, 0);
      const offscreen = new OffscreenCanvas(photo.width, photo.height);
      offscreen.getContext('2d')!.putImageData(image, 0, 0);
      const png = await offscreen.convertToBlob();
      const bytes = await png.arrayBuffer();
      const element = new Image();
      element.src = URL.createObjectURL(png);
      const bitmap = await createImageBitmap(image);
      const frame = new VideoFrame(photo.data.slice(), {
        format: 'RGBA',
        codedWidth: 96,
        codedHeight: 80,
        timestamp: 7,
      });
      const inputs: Record<string, Client.PhotoInput> = {
        picture: photo,
        image,
        canvas,
        offscreen,
        element,
        png,
        bytes,
        array: new Uint8Array(bytes),
        bitmap,
        frame,
      };
      const pixels = (result: CanvasImageSource | Client.Picture | ImageData) => {
        if ('data' in result) return String(result.data);
        const context = new OffscreenCanvas(96, 80).getContext('2d')!;
        context.drawImage(result, 0, 0);
        return String(context.getImageData(0, 0, 96, 80).data);
      };
      const expected = pixels((await restorer.restore(photo, face)).image);
      const forms: Record<string, string> = {};
      for (const [name, input] of Object.entries(inputs)) {
        const { image: result } = await restorer.restore(input as Client.PhotoInput, face);
        const same = pixels(result as Client.Picture) === expected ? '' : ', other pixels';
        forms[name] = `${result.constructor.name}${same}`;
        if (result instanceof VideoFrame) result.close();
      }
      // All of them can be used once more.
      const usable = [image.data.length, bytes.byteLength, bitmap.width, frame.codedWidth];
      frame.close();
      return { forms, usable, detached: await codeOf(restorer.restore(frame, face)) };
    });
    expect(seen.forms).toEqual({
      picture: 'Object',
      image: 'ImageData',
      canvas: 'ImageBitmap',
      offscreen: 'ImageBitmap',
      element: 'ImageBitmap',
      png: 'Object',
      bytes: 'Object',
      array: 'Object',
      bitmap: 'ImageBitmap',
      frame: 'VideoFrame',
    });
    expect(seen.usable).toEqual([4 * 96 * 80, expect.any(Number), 96, 96]);
    expect(seen.detached).toBe('INVALID_ARGUMENT');
  });

  test('errors keep their codes and messages', async () => {
    const seen = await page.evaluate(async () => {
      const wrong = { ...face, fidelity: 2 };
      const message = await restorer.restore(photo, wrong).catch(error => error.message);
      const some = (options: object) => codeOf(restorer.restore(photo, options));
      return {
        message,
        codes: [
          await some({ ...face, faces: () => true }),
          await some({ restoreFace: () => photo }),
          await some({ fidelty: 1 }),
          await some({ mask: { regions: [() => 1] } }),
          await codeOf(restorer.restore(new Blob(['no picture']))),
          await codeOf(restorer.restore({ data: new Uint8Array(7), width: 2, height: 2 })),
          await codeOf(restorer.restore(new Image())),
          await codeOf(restorer.sweep(photo, undefined as never)),
          await codeOf(client.createRestorer({ weights: '/nothing-here', detector: null, upscaler: null })),
          await codeOf(client.createRestorer({ weights: new Blob(['no weights']), detector: null, upscaler: null })),
          await codeOf(client.createRestorer({ weights: {} as Blob })),
          await codeOf(client.createRestorer({ device: {} } as object)),
        ],
      };
    });
    expect(seen.message).toBe('Expected a number from 0 to 1 for fidelity but received 2 of type number');
    expect(seen.codes).toEqual([
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
      'INVALID_IMAGE',
      'INVALID_IMAGE',
      'INVALID_IMAGE',
      'INVALID_ARGUMENT',
      'DOWNLOAD_FAILED',
      'INVALID_CHECKPOINT',
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
    ]);
  });

  test('an abort before and during a call ends it, and only it', async () => {
    const seen = await page.evaluate(async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      let events = 0;
      const onProgress = () => {
        events++;
        controller.abort(reason);
      };
      // More than are done before a message has gone to the page and back.
      const many = { ...face, faces: Array.from({ length: 1000 }, () => (face.faces as Client.OwnFace[])[0]!) };
      const aborted = restorer.restore(photo, { ...many, signal: controller.signal, onProgress });
      const other = restorer.restore(photo, face);
      const error = await aborted.catch(error => error);
      return {
        code: error.code,
        cause: error.cause === reason,
        events,
        other: (await other).faces.length,
        before: await codeOf(restorer.restore(photo, { signal: AbortSignal.abort() })),
        start: await codeOf(client.createRestorer({ detector: null, upscaler: null, signal: AbortSignal.abort() })),
      };
    });
    expect(seen).toEqual({
      code: 'ABORTED',
      cause: true,
      events: expect.any(Number),
      other: 1,
      before: 'ABORTED',
      start: 'ABORTED',
    });
    expect(seen.events).toBeGreaterThan(0);
  });

  test('a listener that throws ends its call', async () => {
    const seen = await page.evaluate(async () => {
      const onProgress = () => {
        throw new Error('from the listener');
      };
      const message = await restorer.restore(photo, { ...face, onProgress }).catch(error => error.message);
      return [message, (await restorer.restore(photo, face)).faces.length];
    });
    expect(seen).toEqual(['from the listener', 1]);
  });

  test('a worker that cannot be started is an error', async () => {
    const seen = await page.evaluate(async () => {
      const worker = () => new Worker('/no-such-worker.js', { type: 'module' });
      const refused = () => new Worker('https://elsewhere.invalid/worker.js');
      const message = await client.createRestorer({ worker }).catch(error => error.message);
      return [
        message,
        await codeOf(client.createRestorer({ worker })),
        await codeOf(client.createRestorer({ worker: refused })),
        await codeOf(client.createRestorer({ worker: 'worker.js' as never })),
      ];
    });
    expect(seen).toEqual([
      expect.stringMatching(/^The worker broke: its script could not be loaded \(.*codeformer-webgpu\/worker/),
      'WORKER_FAILED',
      'WORKER_FAILED',
      'INVALID_ARGUMENT',
    ]);
  });

  test('tests and tunes itself in the worker', async () => {
    const seen = await page.evaluate(async () => {
      const { adapter } = restorer.info;
      const { checks, passed, ...others } = await restorer.selfTest();
      return {
        passed,
        names: checks.map(({ name }) => name),
        same: others.adapter === adapter,
        tuned: (await restorer.tune()).shapes,
        codes: [
          await codeOf(restorer.selfTest({ signal: AbortSignal.abort() })),
          await codeOf(restorer.tune({ signal: AbortSignal.abort() })),
          await codeOf(restorer.tune({ fast: true } as object)),
        ],
      };
    });
    expect(seen.names).toEqual(expect.arrayContaining(['conv (direct)', 'conv (winograd)', 'attention']));
    expect(seen).toMatchObject({
      passed: true,
      same: true,
      tuned: [],
      codes: ['ABORTED', 'ABORTED', 'INVALID_ARGUMENT'],
    });
  });

  test('what is remembered of adapters is in IndexedDB, and nothing fails where that is damaged or refused', async () => {
    const seen = await page.evaluate(async () => {
      const { NOTES } = await load<typeof NotesOfBrowsers>('/src/web/notes.ts');
      const found = async () => {
        await NOTES.write('card', 'right');
        return [await NOTES.read('card'), await NOTES.read('another card')];
      };
      const done = (request: IDBRequest) =>
        new Promise<IDBDatabase>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const kept = await found();
      const database = await done(indexedDB.open('codeformer-webgpu'));
      await done(
        database.transaction('adapters', 'readwrite').objectStore('adapters').put({ text: 7 }, 'card') as never,
      );
      database.close();
      const damaged = await NOTES.read('card');
      const again = await found();
      await done(indexedDB.deleteDatabase('codeformer-webgpu'));
      // One without what should be in it, and a later one.
      const others: unknown[] = [];
      for (const version of [1, 2]) {
        (await done(indexedDB.open('codeformer-webgpu', version))).close();
        others.push(await found());
      }
      await done(indexedDB.deleteDatabase('codeformer-webgpu'));
      const refused: unknown[] = [];
      const own = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB')!;
      for (const value of [
        undefined,
        {
          open: () => {
            throw new DOMException('no', 'SecurityError');
          },
        },
      ]) {
        Object.defineProperty(globalThis, 'indexedDB', { value, configurable: true });
        refused.push(await found());
      }
      Object.defineProperty(globalThis, 'indexedDB', own);
      return { kept, damaged, again, others, refused, last: await found() };
    });
    const [right, nothing] = [
      ['right', null],
      [null, null],
    ];
    expect(seen).toEqual({
      kept: right,
      damaged: null,
      again: right,
      others: [nothing, nothing],
      refused: [nothing, nothing],
      last: right,
    });
  });

  test('a photo that was prepared is rendered often, in its own form', async () => {
    const seen = await page.evaluate(async () => {
      const shares: number[] = [];
      const onProgress = ({ done }: Client.Progress) => void shares.push(done);
      const image = new ImageData(photo.data.slice(), photo.width, photo.height);
      const prepared = await restorer.prepare(image, { ...face, onProgress });
      const heard = shares.length;
      const results = [];
      for (const fidelity of [0.2, 0.9, 0.2])
        results.push(await prepared.render({ fidelity, ...(fidelity === 0.9 && { onProgress }) }));
      const restored = await restorer.restore(photo, { ...face, fidelity: 0.2 });
      const none = await prepared.render({ faces: [] });
      const png = await prepared.render({ output: 'png' });
      const wrong = await codeOf(prepared.render({ faces: [7] }));
      const aborted = await codeOf(prepared.render({ signal: AbortSignal.abort() }));
      // Each result is the page's own: to take one away leaves the others.
      results[0]!.faces[0]!.crop.data.fill(0);
      structuredClone(results[1]!.image.data, { transfer: [results[1]!.image.data.buffer] });
      const text = (data: ArrayLike<number>) => Array.from(data).join();
      const last = (await prepared.render({ fidelity: 0.2 })).faces[0]!;
      const seen = {
        faces: prepared.faces.map(({ id, crop, indices }) => [id, crop.width, indices!.length]),
        size: [prepared.width, prepared.height, prepared.warnings.length],
        kinds: results.map(({ image }) => image.constructor.name),
        again: text(results[0]!.image.data) === text(results[2]!.image.data),
        asRestored: text(results[0]!.image.data) === text(restored.image.data),
        none: [none.faces.length, text(none.image.data) === text(photo.data)],
        png: (png.image as Uint8Array).slice(1, 4).join(),
        crop: text(last.crop.data) === text(restored.faces[0]!.crop.data),
        heard: [heard > 0, shares.length > heard],
        codes: [wrong, aborted],
      };
      prepared.destroy();
      return { ...seen, destroyed: await codeOf(prepared.render()) };
    });
    expect(seen).toEqual({
      faces: [[0, 32, 256]],
      size: [96, 80, 0],
      kinds: ['ImageData', 'ImageData', 'ImageData'],
      again: true,
      asRestored: true,
      none: [0, true],
      png: '80,78,71',
      crop: true,
      heard: [true, true],
      codes: ['INVALID_ARGUMENT', 'ABORTED'],
      destroyed: 'DESTROYED',
    });
  });

  test('a worker that breaks fails its calls; the next call has another one', async () => {
    const seen = await page.evaluate(async () => {
      const script = (code: string) => URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
      let workers = 0;
      const worker = () => {
        // The first one breaks when it is to restore. Modules run in the order of their imports, so it hears of it first.
        const breaking = script(`addEventListener('message', event => {
          if (event.data.method !== 'restore') return;
          event.stopImmediatePropagation();
          throw new Error('broken');
        })`);
        const imports = [...(workers++ === 0 ? [breaking] : []), new URL('/dist/worker.js', location.href)];
        return new Worker(script(imports.map(url => `import '${url}';`).join('\n')), { type: 'module' });
      };
      const own = await client.createRestorer({ weights: null, detector: null, upscaler: null, worker });
      const prepared = await own.prepare(photo, { faces: [] });
      const error = await own.restore(photo, { faces: [] }).catch(error => error);
      const { width } = await own.restore(photo, { faces: [] });
      const old = await codeOf(prepared.render());
      const last = codeOf(own.restore(photo, { faces: [] }));
      await own.destroy();
      return [error.code, error.message, width, workers, old, await last, await codeOf(own.detect(photo))];
    });
    expect(seen).toEqual([
      'WORKER_FAILED',
      expect.stringMatching(/^The worker broke: .*broken/),
      192,
      2,
      'WORKER_FAILED',
      'DESTROYED',
      'DESTROYED',
    ]);
  });

  test('a worker that does not answer is an error, also where its bundle is empty', async () => {
    const seen = await page.evaluate(async () => {
      const script = new Blob(['export {};'], { type: 'text/javascript' });
      const empty = () => new Worker(URL.createObjectURL(script), { type: 'module' });
      const error = await client.createRestorer({ worker: empty, workerTimeout: 200 }).catch(error => error);
      const none = client.createRestorer({ worker: () => ({}) as Worker });
      return [error.code, error.message, await codeOf(none), await codeOf(client.createRestorer({ workerTimeout: 0 }))];
    });
    expect(seen).toEqual([
      'WORKER_FAILED',
      expect.stringMatching(/did not answer within 200 ms; .*codeformer-webgpu\/worker/),
      'INVALID_ARGUMENT',
      'INVALID_ARGUMENT',
    ]);
  });

  test('from another origin it starts a worker of the page’s own', async () => {
    const cdn = await serveProject();
    // As hosts of packages do: modules and weights may be fetched from everywhere.
    const open: Route = (_, response) => {
      response.setHeader('access-control-allow-origin', '*');
      return false;
    };
    const names = readdirSync(new URL('../../dist', import.meta.url)).map(name => `/dist/${name}`);
    for (const path of [...names, '/weights/detector.safetensors']) cdn.routes.set(path, open);
    const seen = await page.evaluate(async address => {
      const { createRestorer } = await load<typeof Client>(address);
      const own = await createRestorer({ weights: null, upscaler: null });
      const faces = await own.detect(photo);
      await own.destroy();
      return faces.length;
    }, `${cdn.origin}/dist/client.js`);
    const paths = cdn.requests.map(({ path }) => path);
    await cdn.close();
    expect(seen).toBe(0);
    expect(paths).toEqual(expect.arrayContaining(['/dist/worker.js', '/weights/detector.safetensors']));
    expect(paths).not.toContain('/weights/manifest.json');
  });

  test('a lost device fails what runs on it, and the next call has another one', async () => {
    await page.evaluate(async () => {
      const networks = { weights: 'tiny.safetensors', detector: null, upscaler: null };
      globalThis.fragile = await client.createRestorer({ adapter: 'software', ...networks });
      globalThis.prepared = await fragile.prepare(photo, face);
      globalThis.before = await prepared.render();
      const crop = { data: photo.data.slice(0, 4 * 32 * 32), width: 32, height: 32 };
      globalThis.encoded = await fragile.encode(crop);
      const forever = async () => {
        for (;;) await encoded.decode();
      };
      globalThis.running = codeOf(forever());
    });
    // Takes the devices of all pages with it, as a driver does that breaks.
    await (await (chromium as Browser).newBrowserCDPSession()).send('Browser.crashGpuProcess');
    const seen = await page.evaluate(async () => {
      const code = await running;
      const { image } = await prepared.render();
      const same = image.data.every((value, i) => value === before.image.data[i]);
      return [code, same, await codeOf(encoded.decode()), (await fragile.restore(photo, face)).faces.length];
    });
    expect(seen).toEqual(['DEVICE_LOST', true, 'DEVICE_LOST', 1]);
  });

  test('nothing went wrong that nobody saw', () => {
    // The weights, the worker and the address elsewhere that do not exist are logged by the browser.
    expect(page.faults.filter(fault => !/404|ERR_/.test(fault))).toEqual([]);
  });
});
