// The library in a page and in a worker of the page's own: every form of a photo goes in, upright, and pixels come back in the same form.

import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ColourSpace, iccProfile } from '../../src/image/colour-space.js';
import { decodeImage } from '../../src/node/images.js';
import type * as Client from '../../src/web/client.js';
import type * as Library from '../../src/web/index.js';
import { buildProject } from '../built.js';
import { END, header, png, profile, rows } from '../image/files.js';
import { launchChromium, openPage, WITH_CANVASES } from './chromium.js';
import { sendBytes, serveProject, type TestServer } from './server.js';

declare global {
  var library: typeof Library;
  /** A restorer without networks, and options that leave a photo as it is. */
  var bare: Library.Restorer;
  var nothing: { readonly faces: readonly number[]; readonly upscaling: number };
  /** RGBA of whatever shows pixels. */
  var pixelsOf: (image: CanvasImageSource | ImageData | Library.Picture) => number[];
}

const chromium = await launchChromium({ more: WITH_CANVASES });

/** 4x2: a row of red, green, blue, white over a row of greys. */
const COLOURS = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255];
const GREYS = [10, 60, 110, 160].flatMap(grey => [grey, grey, grey, 255]);

describe.skipIf(!chromium)('photos in a page', () => {
  let server: TestServer;
  let elsewhere: TestServer;
  let page: Page & { readonly faults: readonly string[] };

  beforeAll(async () => {
    await buildProject();
    server = await serveProject();
    elsewhere = await serveProject();
    // Tiles of 16x16, so that JPEG keeps their colours.
    const small = { raw: { width: 4, height: 2, channels: 4 } } as const;
    const large = sharp(Buffer.from([...COLOURS, ...GREYS]), small).resize(64, 32, { kernel: 'nearest' });
    const jpeg = await large.removeAlpha().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    // Orientation 6: to be seen, the picture has to be turned clockwise.
    const turned = await sharp(jpeg).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    server.routes.set('/turned.jpg', (request, response) => sendBytes(request, response, turned, 'image/jpeg'));
    page = await openPage(chromium as Browser, server);
    await page.evaluate(async () => {
      globalThis.library = await load('/dist/web.js');
      globalThis.bare = await library.createRestorer({ weights: null, detector: null, upscaler: null });
      globalThis.nothing = { faces: [], upscaling: 1 };
      globalThis.pixelsOf = image => {
        if ('data' in image) return [...image.data];
        const { width, height } = 'displayWidth' in image ? { width: 4, height: 2 } : (image as ImageBitmap);
        const context = new OffscreenCanvas(width, height).getContext('2d')!;
        context.drawImage(image, 0, 0);
        return [...context.getImageData(0, 0, width, height).data];
      };
    });
  });
  afterAll(async () => {
    await chromium?.close();
    await server?.close();
    await elsewhere?.close();
  });

  test('every form of pixels comes back as it went in', async () => {
    const forms = await page.evaluate(
      async rgba => {
        const data = Uint8ClampedArray.from(rgba);
        const image = new ImageData(data, 4, 2);
        const canvas = Object.assign(document.createElement('canvas'), { width: 4, height: 2 });
        canvas.getContext('2d')!.putImageData(image, 0, 0);
        const offscreen = new OffscreenCanvas(4, 2);
        offscreen.getContext('2d')!.putImageData(image, 0, 0);
        const png = await offscreen.convertToBlob();
        const element = new Image(400, 7);
        element.src = URL.createObjectURL(png);
        const bytes = await png.arrayBuffer();
        const frame = new VideoFrame(data, {
          format: 'RGBA',
          codedWidth: 4,
          codedHeight: 2,
          timestamp: 12,
          duration: 3,
        });
        const inputs: Record<string, Library.PhotoInput> = {
          picture: { data, width: 4, height: 2 },
          rgb: { data: Uint8Array.from(rgba.filter((_, i) => i % 4 < 3)), width: 4, height: 2 },
          image,
          bitmap: await createImageBitmap(image),
          frame,
          canvas,
          offscreen,
          element,
          png,
          bytes,
          array: new Uint8Array(bytes),
        };
        const forms: Record<string, string> = {};
        for (const [name, input] of Object.entries(inputs)) {
          const result = (await bare.restore(input, nothing)).image;
          const kind =
            'data' in result
              ? `${result.constructor.name} of ${result.data.constructor.name}`
              : result.constructor.name;
          const expected = name === 'rgb' ? rgba.filter((_, i) => i % 4 < 3) : rgba;
          forms[name] = String(pixelsOf(result)) === String(expected) ? kind : `${kind}: ${pixelsOf(result)}`;
          if (result instanceof VideoFrame) {
            forms[name] += ` at ${result.timestamp} for ${result.duration}`;
            result.close();
          }
        }
        frame.close();
        return forms;
      },
      [...COLOURS, ...GREYS],
    );
    expect(forms).toEqual({
      picture: 'Object of Uint8ClampedArray',
      rgb: 'Object of Uint8Array',
      image: 'ImageData of Uint8ClampedArray',
      bitmap: 'ImageBitmap',
      frame: 'VideoFrame at 12 for 3',
      canvas: 'ImageBitmap',
      offscreen: 'ImageBitmap',
      element: 'ImageBitmap',
      png: 'Object of Uint8ClampedArray',
      bytes: 'Object of Uint8ClampedArray',
      array: 'Object of Uint8ClampedArray',
    });
  });

  test('a photo that says how it has to be turned is turned, once', async () => {
    const seen = await page.evaluate(async () => {
      const blob = await (await fetch('/turned.jpg')).blob();
      const element = new Image();
      element.src = '/turned.jpg';
      const bytes = new Uint8Array(await blob.arrayBuffer());
      const inputs = { blob, bytes, element, bitmap: await createImageBitmap(blob) };
      const seen: Record<string, number[]> = {};
      for (const [name, input] of Object.entries(inputs)) {
        const { image, width, height } = await bare.restore(input, nothing);
        const pixels = pixelsOf(image);
        // The middles of the corners' tiles, by whether each colour is there.
        const corners = [8 * 32 + 8, 8 * 32 + 24, 56 * 32 + 8, 56 * 32 + 24].map(at => {
          return pixels.slice(4 * at, 4 * at + 3).reduce((bits, value) => 2 * bits + (value > 127 ? 1 : 0), 0);
        });
        seen[name] = [width, height, ...corners];
      }
      return seen;
    });
    // Clockwise: the row of greys is the left column, the row of colours the right one, red at its top and white below.
    const expected = [32, 64, 0b000, 0b100, 0b111, 0b111];
    expect(seen).toEqual({ blob: expected, bytes: expected, element: expected, bitmap: expected });
  });

  test('photos of wide spaces come back in sRGB, opaque ones without alpha, and say so', async () => {
    const colours = Buffer.from([200, 60, 40, 60, 200, 40, 40, 60, 200, 128, 128, 128, 255, 255, 0, 90, 140, 180]);
    const primaries = { p3: [0.68, 0.32, 0.265, 0.69, 0.15, 0.06], adobe: [0.64, 0.33, 0.21, 0.71, 0.15, 0.06] };
    for (const [name, corners] of Object.entries(primaries)) {
      const space: ColourSpace = {
        primaries: [0.3127, 0.329, ...corners] as unknown as ColourSpace['primaries'],
        toLight: value => value ** 2.2,
      };
      const chunks = [header(6, 1, 8, 2), profile(iccProfile(space, false)), rows(18, colours), END];
      const photo = png(chunks);
      server.routes.set('/wide', (request, response) => sendBytes(request, response, photo, 'image/png'));
      const made = await page.evaluate(async () => {
        const photo = await (await fetch('/wide')).blob();
        const seen: Record<string, number[]> = {};
        for (const output of ['png', 'jpeg', 'webp'] as const)
          seen[output] = [...(await bare.restore(photo, { ...nothing, output })).image];
        return { files: seen, decoded: [...(await library.decodeImage(photo)).data] };
      });
      const expected = (await decodeImage(photo)).data;
      const near = (a: ArrayLike<number>) => Math.max(...Array.from(a, (value, i) => Math.abs(value - expected[i]!)));
      expect(near(made.decoded), name).toBeLessThanOrEqual(2);
      const file = Buffer.from(made.files.png!);
      // The colour type of the header, and all that lies between it and the pixels.
      expect([file[25], file.toString('latin1', 37, 41), file.toString('latin1', 50, 54)]).toEqual([2, 'sRGB', 'IDAT']);
      expect([...(await decodeImage(file)).data]).toEqual(made.decoded);
      for (const type of ['jpeg', 'webp'] as const)
        expect(
          (await sharp(Buffer.from(made.files[type]!)).metadata()).icc?.toString('latin1').replaceAll('\0', ''),
          type,
        ).toContain('sRGB');
    }
  });

  test('opaque pictures are written as they are, in files no larger than those of a canvas; alpha is kept', async () => {
    const seen = await page.evaluate(async () => {
      const decoded = await library.decodeImage(await (await fetch('/docs/samples/astronaut.png')).arrayBuffer());
      const { data, width, height } = decoded;
      const canvas = new OffscreenCanvas(width, height);
      canvas.getContext('2d')!.putImageData(new ImageData(Uint8ClampedArray.from(data), width, height), 0, 0);
      const bytes = await library.encodeImage({ data, width, height });
      const back = await library.decodeImage(bytes);
      const odd = { data: Uint8Array.from({ length: 3 * 7 * 3 }, (_, i) => 4 * i), width: 7, height: 3 };
      const oddBack = await library.decodeImage(await library.encodeImage(odd));
      const clear = Uint8ClampedArray.from([200, 100, 50, 255, 200, 100, 50, 0]);
      const cleared = await library.encodeImage({ data: clear, width: 2, height: 1 });
      return {
        kinds: [bytes[25], cleared[25]],
        same: back.data.every((value, i) => value === data[i]),
        sameOdd: odd.data.every((value, i) => value === oddBack.data[4 * Math.floor(i / 3) + (i % 3)]),
        smaller: bytes.length <= (await canvas.convertToBlob()).size,
      };
    });
    expect(seen).toEqual({ kinds: [2, 6], same: true, sameOdd: true, smaller: true });
  });

  test('what is too large is refused before it is decoded, what is broken afterwards', async () => {
    const seen = await page.evaluate(async () => {
      const bytes = new Uint8Array(await (await fetch('/docs/samples/astronaut.png')).arrayBuffer());
      const huge = bytes.slice(0, 1000);
      new DataView(huge.buffer).setUint32(16, 600000);
      const tall = huge.slice();
      new DataView(tall.buffer).setUint32(16, 1);
      new DataView(tall.buffer).setUint32(20, 1e7);
      const decode = (bytes: Uint8Array, maxPixels?: number) =>
        library.decodeImage(bytes, { maxPixels, name: 'it' }).then(
          ({ width }) => width,
          error => `${error.code}: ${error.message}`,
        );
      return [
        await decode(bytes),
        await decode(bytes, 512 * 511),
        await decode(huge),
        await decode(tall),
        await decode(bytes.slice(0, -100)),
        await decode(new Uint8Array()),
        await decode(new Uint8Array(await (await fetch('/turned.jpg')).arrayBuffer()), 32 * 63),
      ];
    });
    expect(seen).toEqual([
      512,
      'IMAGE_TOO_LARGE: it: expected at most 261632 pixels but it has 512x512 = 262144',
      'IMAGE_TOO_LARGE: it: expected at most 100000000 pixels but it has 600000x512 = 307200000',
      'IMAGE_TOO_LARGE: it: expected sides of at most 65535 pixels but it has 1x10000000',
      expect.stringMatching(/^INVALID_IMAGE: it: the PNG is broken, or of a kind that this browser does not read: .+/),
      'INVALID_IMAGE: it: expected a picture but it is empty',
      'IMAGE_TOO_LARGE: it: expected at most 2016 pixels but it has 64x32 = 2048',
    ]);
  });

  test('a picture that lacks its end is read, with a warning; each format tells its size before it is decoded', async () => {
    const image = sharp({ create: { width: 300, height: 200, channels: 3, background: '#c86432' } });
    for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif'] as const) {
      const bytes = await image.clone()[format]().toBuffer();
      server.routes.set('/whole', (request, response) => sendBytes(request, response, bytes, 'image/any'));
      const end = format === 'jpeg' ? 2 : format === 'png' ? 12 : 0;
      const seen = await page.evaluate(async end => {
        const bytes = new Uint8Array(await (await fetch('/whole')).arrayBuffer());
        const cut = bytes.subarray(0, bytes.length - end);
        const refused = await library.decodeImage(bytes, { maxPixels: 59_999 }).catch(error => error.code);
        // What decodes is not called where the header says enough.
        const decode = createImageBitmap;
        let calls = 0;
        globalThis.createImageBitmap = () => Promise.reject(++calls);
        await library.decodeImage(bytes, { maxPixels: 59_999 }).catch(() => {});
        globalThis.createImageBitmap = decode;
        const { width, height, data, warnings } = await library.decodeImage(cut);
        return { size: [width, height], pixel: [...data.slice(-4)], warnings, refused, calls };
      }, end);
      expect(seen, format).toMatchObject({ size: [300, 200], refused: 'IMAGE_TOO_LARGE', calls: 0 });
      expect(Math.abs(seen.pixel[0]! - 200), format).toBeLessThan(9);
      expect(seen.warnings, format).toHaveLength(end > 0 ? 1 : 0);
    }
  });

  test('what shows no picture, or may not be read, is an invalid image', async () => {
    const seen = await page.evaluate(async origin => {
      const foreign = new Image();
      foreign.src = `${origin}/docs/samples/hopper.jpg`;
      await foreign.decode();
      const inputs = [
        new Image(),
        Object.assign(document.createElement('canvas'), { width: 0 }),
        foreign,
        new Blob(['GIF']),
      ];
      const codes: string[] = [];
      for (const input of inputs) {
        await bare.restore(input, nothing).then(
          () => codes.push('no error'),
          error => codes.push(error.code),
        );
      }
      return codes;
    }, elsewhere.origin);
    expect(seen).toEqual(['INVALID_IMAGE', 'INVALID_IMAGE', 'INVALID_IMAGE', 'INVALID_IMAGE']);
  });

  test('frames and canvases go to canvases, on a device of the page’s own, without being read', async () => {
    const seen = await page.evaluate(
      async rgba => {
        const adapter = await navigator.gpu.requestAdapter();
        const device = await adapter!.requestDevice();
        const options = { device, weights: null, detector: null, upscaler: null };
        const own = await library.createRestorer(options);
        const canvasOf = (canvas: HTMLCanvasElement | OffscreenCanvas, alphaMode: GPUCanvasAlphaMode = 'opaque') => {
          const context = canvas.getContext('webgpu') as GPUCanvasContext;
          context.configure({ device, format: navigator.gpu.getPreferredCanvasFormat(), alphaMode });
          return canvas;
        };
        const image = new ImageData(Uint8ClampedArray.from(rgba), 4, 2);
        const frameOf = (data: Uint8ClampedArray<ArrayBuffer>) =>
          new VideoFrame(data, { format: 'RGBA', codedWidth: 4, codedHeight: 2, timestamp: 0 });
        const frame = frameOf(image.data);
        const first = canvasOf(new OffscreenCanvas(300, 150));
        const second = canvasOf(
          Object.assign(document.createElement('canvas'), { width: 4, height: 2 }),
          'premultiplied',
        );
        const flat = Object.assign(document.createElement('canvas'), { width: 4, height: 2 });
        flat.getContext('2d')!.putImageData(image, 0, 0);

        // What would go through memory.
        const used: string[] = [];
        let watching = false;
        const watched: [object, string][] = [
          [GPUBuffer.prototype, 'mapAsync'],
          [GPUQueue.prototype, 'writeTexture'],
          [OffscreenCanvasRenderingContext2D.prototype, 'getImageData'],
          [globalThis, 'createImageBitmap'],
        ];
        const restored = watched.map(([owner, name]) => {
          const method = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
          Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
            if (watching) used.push(name);
            return method.apply(this === undefined ? globalThis : this, args);
          });
          return () => Reflect.set(owner, name, method);
        });
        const shown: number[][] = [];
        const sizes: number[][] = [];
        const into = async (photo: Library.PhotoInput, target: Library.DeviceTarget) => {
          watching = true;
          await own.restoreInto(photo, target, { ...nothing, grayscale: false });
          watching = false;
        };
        await into(frame, first);
        // The picture of a canvas is there until it is shown.
        shown.push(pixelsOf(first));
        await into(first, second);
        sizes.push([first.width, first.height, second.width, second.height]);
        shown.push(pixelsOf(second));
        const quiet = [...used];
        await into(flat, second);
        for (const restore of restored) restore();
        shown.push(pixelsOf(second));
        // Half transparent: a canvas has colours times alpha.
        const half = Uint8ClampedArray.from(rgba, (value, i) => (i % 4 === 3 ? 128 : value));
        await into(new ImageData(half, 4, 2), second);
        shown.push(pixelsOf(second));
        frame.close();
        const refused: string[] = [];
        for (const [photo, target] of [
          [frame, second],
          [Object.assign(canvasOf(new OffscreenCanvas(4, 2)), { width: 0 }), second],
          [image, flat],
          [image, new OffscreenCanvas(4, 2)],
        ] as const)
          refused.push(
            await own.restoreInto(photo, target, nothing).then(
              () => 'no error',
              error => error.code,
            ),
          );
        const faces = await own.detect(canvasOf(new OffscreenCanvas(4, 2)), { detectFaces: () => [] });
        await own.destroy();
        return { shown, sizes, quiet, used: [...new Set(used)], refused, faces };
      },
      [...COLOURS, ...GREYS],
    );
    const exact = [...COLOURS, ...GREYS];
    expect(seen.shown.slice(0, 3)).toEqual([exact, exact, exact]);
    const half = exact.map((value, i) => (i % 4 === 3 ? 128 : value));
    expect(seen.shown[3]!.every((value, i) => Math.abs(value - half[i]!) <= 1)).toBe(true);
    expect(seen).toMatchObject({
      sizes: [[4, 2, 4, 2]],
      quiet: [],
      used: ['createImageBitmap', 'getImageData'],
      faces: [],
    });
    expect(seen.refused).toEqual(['INVALID_IMAGE', 'INVALID_IMAGE', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT']);
  });

  test('the library runs in a worker of the page’s own', async () => {
    const seen = await page.evaluate(async () => {
      const code = `
        import { createRestorer } from '${new URL('/dist/web.js', location.href)}';
        onmessage = async ({ data }) => {
          const restorer = await createRestorer({ weights: null, detector: null, upscaler: null });
          const { image } = await restorer.restore(data, { faces: [], upscaling: 1 });
          postMessage([restorer.info.adapter, image.width, image.height, image.constructor.name], []);
          await restorer.destroy();
        };`;
      const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
      const worker = new Worker(url, { type: 'module' });
      const answer = new Promise<unknown[]>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      });
      worker.postMessage(await (await fetch('/turned.jpg')).blob());
      const [adapter, ...rest] = await answer;
      worker.terminate();
      return [adapter === bare.info.adapter, ...rest];
    });
    expect(seen).toEqual([true, 32, 64, 'Object']);
  });

  test('the client decodes and encodes nothing on the page', async () => {
    const seen = await page.evaluate(async () => {
      const { createRestorer } = await load<typeof Client>('/dist/client.js');
      const restorer = await createRestorer({ weights: null, detector: null, upscaler: null });
      const blob = await (await fetch('/turned.jpg')).blob();
      const used: string[] = [];
      const watch = (owner: object, name: string) => {
        const own = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
        Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
          used.push(name);
          return own.apply(this, args);
        });
      };
      watch(globalThis, 'createImageBitmap');
      watch(OffscreenCanvas.prototype, 'convertToBlob');
      watch(OffscreenCanvas.prototype, 'getContext');
      watch(HTMLCanvasElement.prototype, 'getContext');
      watch(HTMLCanvasElement.prototype, 'toBlob');
      const { image, width, height } = await restorer.restore(blob, { ...nothing, output: 'jpeg' });
      const before = used.length;
      await createImageBitmap(new Blob([image as Uint8Array<ArrayBuffer>]));
      await restorer.destroy();
      return [image.slice(0, 2).join(), width, height, before, used.length];
    });
    // The last one shows that the watch would have seen it.
    expect(seen).toEqual(['255,216', 32, 64, 0, 1]);
  });
});
