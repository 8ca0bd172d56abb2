// The core of all downloads, with servers and clocks that are made up.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MemoryStore, parseAddress, type TransferOptions, transfer } from '../../src/weights/transfer.js';

const content = Uint8Array.from({ length: 1000 }, (_, i) => i);
const ADDRESS = 'https://example.org/own.pth';

/** A body that gives some bytes and then nothing any more, without an end. */
const silentAfter = (bytes: Uint8Array) =>
  new ReadableStream<Uint8Array>({ start: controller => bytes.length > 0 && controller.enqueue(bytes) });

const bytesOf = (store: MemoryStore) => new Uint8Array(Buffer.concat(store.pieces));

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Transfers with answers in turn; the clock goes on whenever somebody waits for it. */
async function run(answers: (() => Promise<Response> | Response)[], options: Partial<TransferOptions> = {}) {
  const requests: Headers[] = [];
  const fetch = async (_: unknown, init?: RequestInit) => {
    requests.push(new Headers(init?.headers));
    return answers[requests.length - 1]!();
  };
  let error: unknown;
  let done = false;
  const call = transfer(ADDRESS, store, { hashed: false, fetch: fetch as typeof globalThis.fetch, ...options })
    .catch(reason => {
      error = reason;
    })
    .finally(() => {
      done = true;
    });
  let waited = 0;
  for (; !done; waited += 1000) await vi.advanceTimersByTimeAsync(1000);
  await call;
  return { requests, error, waited };
}

const head = { etag: '"1"', 'content-length': '1000' };
const rest = (from: number) =>
  new Response(content.slice(from), {
    status: 206,
    headers: { etag: '"1"', 'content-range': `bytes ${from}-999/1000` },
  });

describe('silence', () => {
  test('of 30 seconds counts as a broken connection, before the answer and within it', async () => {
    const { requests, error, waited } = await run([
      () => new Promise<Response>(() => {}),
      () => new Response(silentAfter(content.slice(0, 400)), { headers: head }),
      () => rest(400),
    ]);
    expect(error).toBeUndefined();
    expect(bytesOf(store)).toEqual(content);
    expect(requests.map(headers => headers.get('range'))).toEqual([null, null, 'bytes=400-']);
    // On the clock of the test.
    expect(waited).toBeGreaterThanOrEqual(60_000);
    expect(waited).toBeLessThan(70_000);
  });

  test('without end is an error after five attempts', async () => {
    const { requests, error } = await run(Array.from({ length: 5 }, () => () => new Promise<Response>(() => {})));
    expect(error).toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: `${ADDRESS} could not be downloaded: no connection (nothing came for 30000 ms) (5 attempts)`,
    });
    expect(requests.length).toBe(5);
  });

  test('is ended by an abort, also where a request does not know of it', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5000);
    const { error } = await run([() => new Response(silentAfter(content.slice(0, 400)), { headers: head })], {
      signal: controller.signal,
    });
    expect(error).toMatchObject({ code: 'ABORTED' });
  });
});

test('only bytes of one version are put together, as far as servers tell', async () => {
  const broken = (headers: Record<string, string>) => () => {
    const pieces = [content.slice(0, 400)];
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      const piece = pieces.pop();
      if (piece) controller.enqueue(piece);
      else controller.error(new Error('reset'));
    };
    const body = new ReadableStream({ pull }, { highWaterMark: 0 });
    return new Response(body, { headers: { 'content-length': '1000', ...headers } });
  };
  for (const [headers, ifRange] of [
    [{ etag: '"1"' }, '"1"'],
    [{ 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }, 'Thu, 01 Jan 2026 00:00:00 GMT'],
    // That of another answer may have other bytes.
    [{ etag: 'W/"1"' }, null],
    [{}, null],
  ] as [Record<string, string>, string | null][]) {
    store = new MemoryStore();
    const { requests, error } = await run([
      broken(headers),
      () =>
        ifRange === null
          ? new Response(content)
          : new Response(rest(400).body, {
              status: 206,
              headers: { ...headers, 'content-range': 'bytes 400-999/1000' },
            }),
    ]);
    expect(error).toBeUndefined();
    expect([requests[1]!.get('if-range'), requests[1]!.get('range')]).toEqual([ifRange, ifRange && 'bytes=400-']);
    expect(bytesOf(store)).toEqual(content);
  }
});

test('addresses: the hash, and user and password, which no message shows', () => {
  const hash = 'AB'.repeat(32);
  expect(parseAddress(`https://a.org/b?c#sha256=${hash}`)).toEqual({
    url: 'https://a.org/b?c',
    shown: 'https://a.org/b?c',
    authorization: undefined,
    sha256: hash.toLowerCase(),
  });
  expect(parseAddress('b#else', 'https://a.org/')).toMatchObject({ url: 'https://a.org/b', sha256: undefined });
  expect(parseAddress('https://%C3%BC:p%25@a.org/')).toMatchObject({
    shown: 'https://a.org/',
    authorization: `Basic ${Buffer.from('ü:p%').toString('base64')}`,
  });
  expect(() => parseAddress('nothing')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
