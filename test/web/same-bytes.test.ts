// Same adapter, same bytes: Dawn in Node and in Chromium, both on SwiftShader, compute the same codes, floats and pictures. The two
// have different versions of Dawn, and so of its shader compiler; the driver is the same where Chromium is that of the package.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../src/node/index.js';
import { buildProject } from '../built.js';
import { launchChromium, launchDebianChromium, openPage } from './chromium.js';
import { differences, filesWith, MODULE, SHADERS } from './page-bytes.js';
import { type Numbers, work } from './same-bytes-work.js';
import { serveProject, type TestServer } from './server.js';

const browsers = { chromium: await launchChromium(), 'Debian’s chromium': await launchDebianChromium() };
const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

// On a busy machine without a GPU this takes its time.
const TIMEOUT = 300_000;

describe.skipIf(!browsers.chromium)('Node and', () => {
  let server: TestServer;
  let photo: library.Picture;
  let expected: Record<string, Numbers>;

  beforeAll(async () => {
    await buildProject();
    server = await serveProject();
    photo = await library.readImageFile(file('docs/samples/hopper.jpg'));
    expected = await work(library, { photo, weights: file('weights/'), adapter: 'software' });
  }, TIMEOUT);
  afterAll(async () => {
    await Promise.all(Object.values(browsers).map(browser => browser?.close()));
    await server?.close();
  });

  for (const [name, browser] of Object.entries(browsers)) {
    test.skipIf(!browser)(`${name} compute the same bytes`, { timeout: TIMEOUT }, async () => {
      const page = await openPage(browser!, server);
      expect(await differences(page, server, photo, 'software', expected)).toEqual([]);
      expect(Object.keys(expected)).toContain('face 0: restored');
      // Pages with a GPU need not load what others compute with.
      const asked = server.requests.map(({ path }) => path);
      expect(filesWith(SHADERS).some(path => asked.includes(path))).toBe(true);
      expect(filesWith(MODULE).filter(path => asked.includes(path))).toEqual([]);
      // The results are pictures and numbers of a network that works, not zeros all over.
      for (const [name, values] of Object.entries(expected)) expect(new Set(values).size, name).toBeGreaterThan(1);
      expect(Object.values(expected).every(values => values.every(Number.isFinite))).toBe(true);
    });
  }
});
