// Requests to addresses that users name: which addresses are public, downloads, and webhooks, with servers of this machine.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { CodeFormerError } from '../../src/errors.js';
import { JobError } from '../../src/server/errors.js';
import { isPublicAddress } from '../../src/server/network/addresses.js';
import { type DownloadOptions, download } from '../../src/server/network/download.js';
import { type WebhookOptions, Webhooks, webhookPayload } from '../../src/server/network/webhook.js';

/** The smallest picture there is: a GIF of one pixel. */
const GIF = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }
});

/** Starts a server and returns its address without a path. */
async function serve(listener: RequestListener, host = '127.0.0.1', port = 0): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const { address, family, port: taken } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`;
}

const servePicture: RequestListener = (_, response) => response.end(GIF);

/** What a download ends with: its bytes, or status and detail, or the library's code and message. */
async function outcome(url: string, options: DownloadOptions = {}): Promise<string> {
  try {
    const { bytes, contentType } = await download(url, options);
    return `${contentType} ${bytes.length}`;
  } catch (error) {
    if (error instanceof CodeFormerError) return `${error.code} ${error.message}`;
    if (!(error instanceof JobError)) throw error;
    return `${error.status} ${error.detail}`;
  }
}

const here = { allowPrivate: true };
const REFUSED = '422 The image of image_url could not be fetched: the host is not on the public network';
const failed = (why: string) => `422 The image of image_url could not be fetched: ${why}`;

describe('addresses', () => {
  test.each([
    '8.8.8.8',
    '1.1.1.1',
    '100.63.255.255',
    '100.128.0.1',
    '172.15.255.255',
    '172.32.0.1',
    '192.167.255.255',
    '198.17.0.1',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
    '::ffff:8.8.8.8',
    '::ffff:808:808',
    '64:ff9b::8.8.8.8',
  ])('%s is public', address => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.100.100.200',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:FFFF:10.0.0.1',
    '::ffff:0:8.8.8.8',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:2::1',
    '2001:10::1',
    '2001:20::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:808:808::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700::1%eth0',
    'fec0::1',
    'ff02::1',
    'localhost',
    '1',
    '127.1',
    '',
  ])('%s is not', address => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('a download', () => {
  test('is the bytes, and what they are by themselves', async () => {
    const origin = await serve((_, response) => {
      response.setHeader('content-type', 'text/plain').end(GIF);
    });
    expect(await download(`${origin}/a`, here)).toEqual({
      bytes: GIF,
      contentType: 'image/gif',
      url: `${origin}/a`,
    });
  });

  test('sends nothing of its own but who asks, and uses no proxy', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const origin = await serve((request, response) => {
      seen.push(request.headers);
      servePicture(request, response as ServerResponse & { req: IncomingMessage });
    });
    process.env.http_proxy = process.env.HTTP_PROXY = 'http://127.0.0.1:9';
    try {
      expect(await outcome(origin, here)).toBe('image/gif 37');
    } finally {
      delete process.env.http_proxy;
      delete process.env.HTTP_PROXY;
    }
    expect(Object.keys(seen[0]!).sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
  });

  test.each(['ftp://example.org/a', 'file:///etc/passwd', 'gopher://example.org', 'javascript:1', 'blob:http://a/b'])(
    '%s is refused for its protocol',
    async url => {
      expect(await outcome(url, here)).toBe(failed('the address is neither http nor https'));
    },
  );

  test('what is no URL, or has a password, is refused', async () => {
    expect(await outcome('picture.png')).toBe(failed('the address is no URL'));
    expect(await outcome('http://')).toBe(failed('the address is no URL'));
    const url = (await serve(servePicture)).replace('//', '//user:secret@');
    expect(await outcome(url, here)).toBe(failed('the address has a user name or password'));
  });

  test.each([
    'http://127.0.0.1',
    'http://127.1',
    'http://2130706433',
    'http://0x7f000001',
    'http://0177.0.0.1',
    'http://127.0.0.1.',
    'http://①②⑦.0.0.1',
    'http://0',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://[0:0:0:0:0:ffff:7f00:1]',
    'http://[64:ff9b::7f00:1]',
    'http://169.254.169.254/latest/meta-data',
    'http://localhost',
  ])('%s is refused before anything is sent', async url => {
    let requests = 0;
    const origin = await serve(() => requests++);
    const address = new URL(url);
    address.port = new URL(origin).port;
    expect(await outcome(address.href)).toBe(REFUSED);
    expect(requests).toBe(0);
  });

  test('a name that resolves to a private address, or to one among others, is refused', async () => {
    const port = new URL(await serve(servePicture)).port;
    const resolving = (...addresses: string[]) => ({
      resolve: async () => addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
    });
    const url = `http://pictures.example:${port}`;
    expect(await outcome(url, resolving('127.0.0.1'))).toBe(REFUSED);
    expect(await outcome(url, resolving('8.8.8.8', '10.0.0.1'))).toBe(REFUSED);
    expect(await outcome(url, resolving('::ffff:127.0.0.1'))).toBe(REFUSED);
    expect(await outcome(url, resolving('fe80::1'))).toBe(REFUSED);
    expect(await outcome(url, resolving())).toBe(failed('the host is not known'));
  });

  test('goes to the address that was checked, whatever the name resolves to later', async () => {
    const reached: string[] = [];
    const listen = (name: string): RequestListener => {
      return (request, response) => {
        reached.push(name);
        if (request.url === '/moved') response.writeHead(302, { location: '/' }).end();
        else response.end(GIF);
      };
    };
    const { port } = new URL(await serve(listen('public'), '127.0.0.1'));
    await serve(listen('private'), '127.0.0.2', Number(port));
    let lookups = 0;
    const rules = {
      isAllowed: (address: string) => address === '127.0.0.1',
      resolve: async () => [{ address: ++lookups === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }],
    };
    expect(await outcome(`http://rebound.example:${port}/`, rules)).toBe('image/gif 37');
    expect([lookups, reached]).toEqual([1, ['public']]);
    lookups = 0;
    expect(await outcome(`http://rebound.example:${port}/moved`, rules)).toBe(REFUSED);
    expect([lookups, reached]).toEqual([2, ['public', 'public']]);
  });

  test('a name that is not known', async () => {
    expect(await outcome('http://nowhere.invalid/')).toMatch(/: the host is not known( for now)?$/);
  });

  test('redirects are followed, five at most', async () => {
    const origin = await serve((request, response) => {
      const left = Number(request.url!.slice(1));
      if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end();
      else response.end(GIF);
    });
    expect((await download(`${origin}/5`, here)).url).toBe(`${origin}/0`);
    expect(await outcome(`${origin}/6`, here)).toBe(failed('more than 5 redirects'));
  });

  test('a redirect to itself', async () => {
    const origin = await serve((_, response) => response.writeHead(301, { location: '/' }).end());
    expect(await outcome(origin, here)).toBe(failed('more than 5 redirects'));
  });

  test.each([
    ['to this machine', 'http://127.0.0.2/', 'the host is not on the public network'],
    ['to another protocol', 'file:///etc/passwd', 'the address is neither http nor https'],
    ['to a data URI', 'data:image/gif;base64,AAAA', 'the address is neither http nor https'],
    ['to nothing', 'http://[', 'the address is no URL'],
  ])('a redirect %s is refused', async (_, location, why) => {
    const origin = await serve((_, response) => response.writeHead(302, { location }).end());
    expect(await outcome(origin, { isAllowed: address => address === '127.0.0.1' })).toBe(failed(why));
  });

  test('a status other than 200', async () => {
    const origin = await serve((request, response) => response.writeHead(Number(request.url!.slice(1))).end(GIF));
    expect(await outcome(`${origin}/404`, here)).toBe(failed('the host answered 404 Not Found'));
    expect(await outcome(`${origin}/500`, here)).toBe(failed('the host answered 500 Internal Server Error'));
    expect(await outcome(`${origin}/206`, here)).toBe(failed('the host answered 206 Partial Content'));
    expect(await outcome(`${origin}/302`, here)).toBe(failed('the host answered 302 Found'));
  });

  test('a page, text, nothing and what is compressed are no pictures', async () => {
    const bodies: Record<string, string> = { '/page': '<!doctype html><p>Sorry</p>', '/text': 'sorry', '/empty': '' };
    const origin = await serve((request, response) => {
      if (request.url === '/gzip') response.setHeader('content-encoding', 'gzip');
      response.setHeader('content-type', 'image/png').end(bodies[request.url!] ?? GIF);
    });
    const expected = 'INVALID_IMAGE image_url: expected a PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF but it is';
    expect(await outcome(`${origin}/page`, here)).toBe(`${expected} a web page`);
    expect(await outcome(`${origin}/text`, here)).toBe(`${expected} text`);
    expect(await outcome(`${origin}/empty`, here)).toBe('INVALID_IMAGE image_url: expected a picture but it is empty');
    expect(await outcome(`${origin}/gzip`, here)).toMatch(/: the answer is compressed/);
  });

  test('more bytes than allowed, announced or not', async () => {
    let sent = 0;
    const origin = await serve((request, response) => {
      if (request.url === '/announced') response.setHeader('content-length', 1001);
      if (request.url === '/announced') response.write('x');
      // Without an end: only the limit ends it.
      else
        (function more() {
          if (response.destroyed) return;
          sent += 100;
          response.write('x'.repeat(100), () => setTimeout(more, 1));
        })();
    });
    const limited = { ...here, maxBytes: 1000 };
    const detail = '413 The image of image_url is too large: more than 1000 bytes';
    expect(await outcome(`${origin}/announced`, limited)).toBe(detail);
    expect(await outcome(`${origin}/endless`, limited)).toBe(detail);
    expect(sent).toBeLessThan(100_000);
    expect(await outcome(await serve(servePicture), { ...here, maxBytes: 37 })).toBe('image/gif 37');
    expect(await outcome(await serve(servePicture), { ...here, maxBytes: 36 })).toMatch(/^413 /);
  });

  test('more pixels than allowed', async () => {
    const wide = Buffer.from(GIF);
    wide.writeUInt16LE(3000, 6);
    wide.writeUInt16LE(2000, 8);
    const origin = await serve((_, response) => response.end(wide));
    expect(await outcome(origin, { ...here, maxPixels: 6_000_000 })).toBe('image/gif 37');
    expect(await outcome(origin, { ...here, maxPixels: 5_999_999 })).toMatch(/^IMAGE_TOO_LARGE image_url: /);
  });

  test('too slow: no answer, drops of a body, redirects, or a resolver', async () => {
    const origin = await serve((request, response) => {
      if (request.url === '/silent') return;
      if (request.url === '/redirects') setTimeout(() => response.writeHead(302, { location: '/redirects' }).end(), 60);
      else {
        response.write(GIF.subarray(0, 10));
        const drops = setInterval(() => response.write('x'), 10);
        response.on('close', () => clearInterval(drops));
      }
    });
    const hasty = { ...here, timeout: 200 };
    for (const path of ['silent', 'drops', 'redirects'])
      expect(await outcome(`${origin}/${path}`, hasty)).toBe(failed('it took more than 0.2 s'));
    const resolve = () => new Promise<never>(() => {});
    expect(await outcome('http://slow.example', { ...hasty, resolve })).toBe(failed('it took more than 0.2 s'));
  });

  test('connections that are refused, break off, or speak something else', async () => {
    const broken = await serve((request, response) => {
      if (request.url === '/early') request.socket.destroy();
      else if (request.url === '/other') request.socket.end('SSH-2.0-OpenSSH_9.6\r\n');
      else response.writeHead(200, { 'content-length': 42 }).write(GIF.subarray(0, 20), () => request.socket.destroy());
    });
    expect(await outcome(`${broken}/early`, here)).toBe(failed('the connection broke off'));
    expect(await outcome(`${broken}/late`, here)).toBe(failed('the connection broke off'));
    expect(await outcome(`${broken}/other`, here)).toBe(failed('the answer is no HTTP'));
    const gone = servers.pop()!;
    await new Promise(resolve => gone.close(resolve).closeAllConnections());
    expect(await outcome(broken, here)).toBe(failed('the connection was refused'));
    const plain = (await serve(servePicture)).replace('http:', 'https:');
    expect(await outcome(plain, here)).toMatch(/: the connection failed/);
  });

  test('an abort ends it with its reason, and the connection', async () => {
    const controller = new AbortController();
    let closed = () => {};
    const hasClosed = new Promise<void>(resolve => {
      closed = resolve;
    });
    const origin = await serve((request, response) => {
      request.socket.on('close', closed);
      response.write('x', () => controller.abort(new Error('stop')));
    });
    await expect(download(origin, { ...here, signal: controller.signal })).rejects.toThrow('stop');
    await hasClosed;
    await expect(download('http://127.0.0.1:9', { signal: controller.signal })).rejects.toThrow('stop');
  });
});

describe('a data URI', () => {
  const base64 = GIF.toString('base64');

  test.each([
    ['base64', `data:image/gif;base64,${base64}`],
    ['another type', `data:image/png;base64,${base64}`],
    ['no type', `data:;base64,${base64}`],
    ['a parameter', `DATA:image/gif;name=a.gif;BASE64,${base64}`],
    ['escaped base64', `data:image/gif;base64,${encodeURIComponent(base64)}`],
    ['percent-encoded bytes', `data:image/gif,${[...GIF].map(b => `%${b.toString(16).padStart(2, '0')}`).join('')}`],
  ])('with %s', async (_, url) => {
    expect((await download(url)).bytes).toEqual(GIF);
    expect(await outcome(url)).toBe('image/gif 37');
  });

  test.each([
    ['a letter that is none of base64', `data:image/gif;base64,${base64.replace('A', '*')}`, 'is not base64'],
    ['the alphabet for URLs', 'data:image/gif;base64,R0lGOD_-', 'is not base64'],
    ['a space', `data:image/gif;base64,${base64} `, 'is not base64'],
    ['no padding', `data:image/gif;base64,${base64.replace(/=+$/, '')}`, 'is not base64'],
    ['padding in the middle', `data:image/gif;base64,R0=G${base64}`, 'is not base64'],
    ['too much padding', 'data:image/gif;base64,R===', 'is not base64'],
    ['no comma', 'data:image/gif;base64', 'has no comma'],
    ['half of an escape', 'data:image/gif,GIF89a%0', 'is not percent-encoded as it should be'],
    ['a letter beyond ASCII', 'data:image/gif,GIF89aé', 'is not percent-encoded as it should be'],
  ])('with %s is refused', async (_, url, why) => {
    expect(await outcome(url)).toBe(failed(`the data URI ${why}`));
  });

  test('of something else, or too large', async () => {
    expect(await outcome('data:text/html,<html>')).toMatch(/^INVALID_IMAGE image_url: expected .* a web page$/);
    expect(await outcome('data:,')).toBe('INVALID_IMAGE image_url: expected a picture but it is empty');
    expect(await outcome(`data:image/gif;base64,${base64}`, { maxBytes: 36 })).toMatch(/^413 /);
    expect(await outcome(`data:image/gif;base64,${base64}`, { maxBytes: 1 })).toMatch(/^413 /);
  });
});

describe('a webhook', () => {
  const payload = webhookPayload('id-1', { seed: 1 });
  const quick: WebhookOptions = { ...here, delay: 1, attempts: 4 };

  /** A receiver that answers with the statuses in turn, the last one for ever. */
  async function receiver(...statuses: number[]) {
    const bodies: unknown[] = [];
    const origin = await serve(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      bodies.push([request.method, request.headers['content-type'], JSON.parse(Buffer.concat(parts).toString())]);
      const status = statuses[Math.min(bodies.length, statuses.length) - 1]!;
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    return { origin, bodies };
  }

  test('is posted as JSON, of a result or a failure', async () => {
    const { origin, bodies } = await receiver(200);
    const webhooks = new Webhooks(quick);
    expect(await webhooks.deliver(origin, payload)).toEqual({ outcome: 'delivered', attempts: 1 });
    await webhooks.deliver(origin, webhookPayload('id-2', { detail: 'no picture' }, 422));
    const ids = (id: string) => ({ request_id: id, gateway_request_id: id });
    const post = ['POST', 'application/json'];
    expect(bodies).toEqual([
      [...post, { ...ids('id-1'), status: 'OK', payload: { seed: 1 } }],
      [
        ...post,
        {
          ...ids('id-2'),
          status: 'ERROR',
          error: 'Unexpected status code: 422',
          payload: { detail: 'no picture' },
        },
      ],
    ]);
    expect(webhooks.size).toBe(0);
  });

  test('is tried again while the receiver is out of order', async () => {
    const { origin, bodies } = await receiver(503, 429, 201);
    expect(await new Webhooks(quick).deliver(origin, payload)).toEqual({ outcome: 'delivered', attempts: 3 });
    expect(bodies).toHaveLength(3);
  });

  test('is given up in the end, and at once where the receiver refuses it', async () => {
    const down = await receiver(500);
    const gone = await receiver(410);
    const webhooks = new Webhooks(quick);
    expect(await webhooks.deliver(down.origin, payload)).toEqual({
      outcome: 'given up',
      attempts: 4,
      error: 'the receiver answered 500',
    });
    expect(await webhooks.deliver(gone.origin, payload)).toMatchObject({ outcome: 'given up', attempts: 1 });
    expect([down.bodies.length, gone.bodies.length]).toEqual([4, 1]);
  });

  test('follows redirects that keep its method', async () => {
    const kept = await receiver(307, 308, 200);
    const changed = await receiver(302);
    const webhooks = new Webhooks(quick);
    expect(await webhooks.deliver(kept.origin, payload)).toEqual({ outcome: 'delivered', attempts: 1 });
    expect(kept.bodies).toHaveLength(3);
    expect(await webhooks.deliver(changed.origin, payload)).toMatchObject({ outcome: 'given up', attempts: 1 });
  });

  test('goes to no private address, also by a redirect', async () => {
    const { origin, bodies } = await receiver(200);
    const leading = await serve((_, response) => response.writeHead(307, { location: 'http://127.0.0.2/' }).end());
    const refused = { outcome: 'given up', attempts: 1, error: 'the host is not on the public network' };
    expect(await new Webhooks({ delay: 1 }).deliver(origin, payload)).toEqual(refused);
    const rules = { delay: 1, isAllowed: (address: string) => address === '127.0.0.1' };
    expect(await new Webhooks(rules).deliver(leading, payload)).toEqual(refused);
    expect(bodies).toHaveLength(0);
  });

  test('waits for its turn, but not for one that is tried again', async () => {
    let [now, most] = [0, 0];
    const origin = await serve((_, response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        response.end();
      }, 5);
    });
    const down = await receiver(500);
    const webhooks = new Webhooks({ ...here, concurrency: 2, delay: 60_000 });
    const stuck = Array.from({ length: 4 }, () => webhooks.deliver(down.origin, payload));
    const all = await Promise.all(Array.from({ length: 20 }, () => webhooks.deliver(origin, payload)));
    expect(all.every(({ outcome }) => outcome === 'delivered')).toBe(true);
    expect(most).toBe(2);
    await webhooks.close();
    expect((await Promise.all(stuck)).map(({ outcome, attempts }) => [outcome, attempts])).toEqual(
      Array(4).fill(['stopped', 1]),
    );
  });

  test('ends with the server, which waits for it so long', async () => {
    let arrived = () => {};
    const waiting = new Promise<void>(resolve => {
      arrived = resolve;
    });
    const origin = await serve(() => arrived());
    const webhooks = new Webhooks(quick);
    const delivery = webhooks.deliver(origin, payload);
    await waiting;
    await webhooks.close(10);
    expect(await delivery).toEqual({ outcome: 'stopped', attempts: 1, error: 'the server stops' });
  });

  test('is given up where too many are under way', async () => {
    const origin = await serve(() => {});
    const webhooks = new Webhooks({ ...quick, backlog: 1 });
    const first = webhooks.deliver(origin, payload);
    expect(await webhooks.deliver(origin, payload)).toMatchObject({ outcome: 'given up', attempts: 0 });
    await webhooks.close();
    await first;
  });
});
