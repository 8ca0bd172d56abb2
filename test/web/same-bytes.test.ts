// Same adapter, same bytes: Dawn in Node and in Chromium, both on SwiftShader, compute the same codes, floats and pictures. The two
// have different versions of Dawn, and so of its shader compiler; the driver is the same where Chromium is that of the package.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../src/node/index.js';
import type * as Web from '../../src/web/index.js';
import { launchChromium, launchDebianChromium, openPage } from './chromium.js';
import type * as Work from './same-bytes-work.js';
import { type Numbers, work } from './same-bytes-work.js';
import { buildProject, serveProject, type TestServer } from './server.js';

const browsers = { chromium: await launchChromium(), 'Debian’s chromium': await launchDebianChromium() };
const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

describe.skipIf(!browsers.chromium)('Node and', () => {
  let server: TestServer;
  let photo: library.Picture;
  let expected: Record<string, Numbers>;

  beforeAll(async () => {
    buildProject();
    server = await serveProject();
    photo = await library.readImageFile(file('docs/samples/hopper.jpg'));
    expected = await work(library, { photo, weights: file('weights/') });
    server.routes.set('/photo.rgba', (_, response) => response.end(Buffer.from(photo.data)));
  });
  afterAll(async () => {
    await Promise.all(Object.values(browsers).map(browser => browser?.close()));
    await server?.close();
  });

  for (const [name, browser] of Object.entries(browsers)) {
    test.skipIf(!browser)(`${name} compute the same bytes`, async () => {
      const page = await openPage(browser!, server);
      const { width, height } = photo;
      const names = await page.evaluate(
        async size => {
          const { work } = await load<typeof Work>('/test/web/same-bytes-work.ts');
          const data = new Uint8ClampedArray(await (await fetch('/photo.rgba')).arrayBuffer());
          const inputs = { photo: { data, ...size }, weights: '/weights/' };
          const results = await work(await load<typeof Web>('/dist/web.js'), inputs);
          for (const [name, values] of Object.entries(results)) {
            // A copy: nothing else of the buffer is sent.
            await fetch(`/${encodeURIComponent(name)}`, { method: 'POST', body: values.slice() as BodyInit });
          }
          return Object.keys(results);
        },
        { width, height },
      );
      expect(names).toEqual(Object.keys(expected));
      expect(names).toContain('face 0: restored');
      const differences = names.flatMap(name => difference(name, expected[name]!, server.posted.get(`/${name}`)!));
      expect(differences).toEqual([]);
      // The results are pictures and numbers of a network that works, not zeros all over.
      for (const [name, values] of Object.entries(expected)) expect(new Set(values).size, name).toBeGreaterThan(1);
      expect(Object.values(expected).every(values => values.every(Number.isFinite))).toBe(true);
    });
  }
});

/** Says how the numbers of a page differ from those of Node; nothing where all bytes are the same. */
function difference(name: string, expected: Numbers, bytes: Buffer): string[] {
  const kind = expected.constructor as new (buffer: ArrayBuffer) => Numbers;
  const got = new kind(new Uint8Array(bytes).buffer);
  if (got.length !== expected.length) return [`${name}: ${got.length} values instead of ${expected.length}`];
  if (Buffer.from(expected.buffer as ArrayBuffer, expected.byteOffset, expected.byteLength).equals(bytes)) return [];
  let count = 0;
  let most = 0;
  for (let i = 0; i < got.length; i++) {
    if (Object.is(got[i], expected[i])) continue;
    count++;
    most = Math.max(most, Math.abs(got[i]! - expected[i]!));
  }
  return [`${name}: ${count} of ${got.length} values differ, by at most ${most}`];
}
