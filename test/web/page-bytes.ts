// What pages compute, compared with what Node computes; and which parts of `dist` they load for it.

import { readdirSync, readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { Picture } from '../../src/node/index.js';
import type * as Web from '../../src/web/index.js';
import type * as Work from './same-bytes-work.js';
import type { Inputs, Numbers } from './same-bytes-work.js';
import type { TestServer } from './server.js';

/** What gives away a file with shaders, and one with a module of WebAssembly in base64. */
export const SHADERS = '@compute';
export const MODULE = 'AGFzbQ';

const dist = new URL('../../dist/', import.meta.url);

/** Paths on the server of those scripts for browsers in `dist` that have a text. */
export function filesWith(text: string): string[] {
  const names = readdirSync(dist).filter(name => name.endsWith('.js'));
  return names.filter(name => readFileSync(new URL(name, dist), 'utf8').includes(text)).map(name => `/dist/${name}`);
}

/** Has a page do all of `same-bytes-work.ts`, and says how its results differ from others; nothing where all bytes are the same. */
export async function differences(
  page: Page,
  server: TestServer,
  { data, width, height }: Picture,
  adapter: Inputs['adapter'],
  expected: Readonly<Record<string, Numbers>>,
): Promise<string[]> {
  server.routes.set('/photo.rgba', (_, response) => response.end(Buffer.from(data)));
  const names = await page.evaluate(
    async ({ adapter, ...size }) => {
      const { work } = await load<typeof Work>('/test/web/same-bytes-work.ts');
      const data = new Uint8ClampedArray(await (await fetch('/photo.rgba')).arrayBuffer());
      const results = await work(await load<typeof Web>('/dist/web.js'), {
        photo: { data, ...size },
        weights: '/weights/',
        adapter,
      });
      for (const [name, values] of Object.entries(results)) {
        // A copy: nothing else of the buffer is sent.
        await fetch(`/${encodeURIComponent(name)}`, { method: 'POST', body: values.slice() as BodyInit });
      }
      return Object.keys(results);
    },
    { adapter, width, height },
  );
  if (names.join() !== Object.keys(expected).join()) return [`results: ${names.join()}`];
  return names.flatMap(name => difference(name, expected[name]!, server.posted.get(`/${name}`)!));
}

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
