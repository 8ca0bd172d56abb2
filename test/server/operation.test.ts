// What keeps a server in order: its limits, how it listens and ends, its log and its figures.

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { queueLimits } from '../../src/server/app.js';
import { JobError, QueueFullError } from '../../src/server/errors.js';
import { LIMITS, Quota, readBody } from '../../src/server/limits.js';
import { type Listener, type Listening, type ListenOptions, listen } from '../../src/server/listen.js';
import { createLogger } from '../../src/server/log.js';
import { Metrics } from '../../src/server/metrics.js';
import { LocalQueue } from '../../src/server/queue/local.js';
import type { Job, JobRecord } from '../../src/server/types.js';

const open: Listening[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function serve(handler: Listener, options: ListenOptions = {}): Promise<Listening> {
  const server = await listen(handler, { port: 0, ...options });
  open.push(server);
  return server;
}

/** Answers with the size of the body, or with the error. */
const sizeOf =
  (maxBytes: number, pause?: number): Listener =>
  async request => {
    try {
      return new Response(String((await readBody(request, maxBytes, pause)).length));
    } catch (error) {
      if (!(error instanceof JobError)) throw error;
      return Response.json({ detail: error.detail }, { status: error.status });
    }
  };

const post = async (url: string, body: BodyInit) => {
  const response = await fetch(url, { method: 'POST', body, duplex: 'half' } as RequestInit);
  return `${response.status} ${await response.text()}`;
};

/** Sends text over a connection and returns all that comes until its end. */
async function raw(url: string, text: string, after?: (send: (more: string) => void) => void): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let got = '';
  socket.on('data', data => (got += data));
  socket.on('error', () => {});
  socket.write(text);
  after?.(more => socket.write(more));
  await once(socket, 'close');
  return got;
}

describe('a body', () => {
  test('is read up to its limit, whether its size is announced or not', async () => {
    const { url } = await serve(sizeOf(1000));
    const streamed = (size: number) =>
      new ReadableStream({
        start(controller) {
          for (let i = 0; i < size; i += 100) controller.enqueue(new Uint8Array(100));
          controller.close();
        },
      });
    const tooLarge = '413 {"detail":"The request is too large: more than 1000 bytes"}';
    expect(await post(url, 'x'.repeat(1000))).toBe('200 1000');
    expect(await post(url, streamed(1000))).toBe('200 1000');
    expect(await post(url, 'x'.repeat(1001))).toBe(tooLarge);
    expect(await post(url, streamed(1100))).toBe(tooLarge);
    expect(await post(url, '')).toBe('200 0');
  });

  test('that pauses, or only drips, is given up, and one that breaks off is nothing', async () => {
    const { url } = await serve(sizeOf(1000, 50));
    const head = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\nconnection: close\r\n\r\n';
    const drops = (send: (more: string) => void) => {
      const timer = setInterval(() => send('x'), 20);
      setTimeout(() => clearInterval(timer), 2000);
    };
    const answer = await raw(url, `${head}some`, drops);
    const chunked = head.replace('content-length: 100', 'transfer-encoding: chunked');
    expect(await raw(url, `${chunked}4\r\nsome\r\n`)).toMatch(/^HTTP\/1.1 408 [\s\S]*The request came too slowly/);
    expect(answer).toMatch(/^HTTP\/1.1 408 [\s\S]*The request came too slowly/);
    const broken = new ReadableStream({ start: controller => controller.error(new Error('gone')) });
    const request = new Request('http://a', { method: 'POST', body: broken, duplex: 'half' } as RequestInit);
    await expect(readBody(request, 10)).rejects.toMatchObject({ status: 400, detail: 'The request broke off' });
  });
});

describe('a server', () => {
  const echo: Listener = request => new Response(new URL(request.url).pathname);

  test('listens on this machine alone by default, and says where', async () => {
    const server = await serve((_, { incoming }) => new Response(incoming!.socket.remoteAddress));
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await fetch(server.url)).text()).toBe('127.0.0.1');
    const six = await serve(echo, { host: '::1' });
    expect(six.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });

  test('says what keeps it from listening', async () => {
    const { url } = await serve(echo);
    await expect(listen(echo, { port: Number(new URL(url).port) })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^Cannot listen at 127\.0\.0\.1, port \d+: .*EADDRINUSE/),
    });
  });

  test('gives up headers and bodies that come too slowly, whatever drips', async () => {
    const { url } = await serve(sizeOf(1000), { times: { headerTime: 100, requestTime: 300 } });
    const drip = (send: (more: string) => void) => {
      const drops = setInterval(() => send('x'), 20);
      setTimeout(() => clearInterval(drops), 2000);
    };
    const start = 'POST / HTTP/1.1\r\nhost: a\r\n';
    expect(await raw(url, `${start}x-slow: `, drip)).toMatch(/^HTTP\/1.1 408 /);
    expect(await raw(url, `${start}content-length: 1000\r\n\r\n`, drip)).toMatch(/^(HTTP\/1.1 408 |$)/);
    expect(await post(url, 'quick')).toBe('200 5');
  });

  test('refuses headers above the limit', async () => {
    const { url } = await serve(echo);
    const answer = await raw(url, `GET / HTTP/1.1\r\nhost: a\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 431 /);
  });

  test('waits for answers under way when it ends, and takes no more', async () => {
    let finish = (_: Response) => {};
    const server = await listen(() => new Promise<Response>(resolve => (finish = resolve)), { port: 0 });
    const answer = fetch(server.url);
    while (server.active === 0) await new Promise(resolve => setTimeout(resolve, 1));
    const closed = server.close(60_000);
    await expect(fetch(server.url)).rejects.toThrow();
    finish(new Response('done'));
    expect(await (await answer).text()).toBe('done');
    await closed;
    expect(server.active).toBe(0);
  });

  test('ends the answers that last beyond the deadline', async () => {
    const server = await listen(() => new Promise<Response>(() => {}), { port: 0 });
    const answer = fetch(server.url).catch(error => error);
    while (server.active === 0) await new Promise(resolve => setTimeout(resolve, 1));
    await server.close(10);
    expect(await answer).toBeInstanceOf(Error);
  });

  describe('with TLS', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'codeformer-tls-'));
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem'];
      execFileSync('openssl', ['req', '-x509', '-days', '1', ...key, '-out', 'cert.pem', ...subject], {
        cwd: folder,
        stdio: 'ignore',
      });
    });
    afterAll(() => rm(folder, { recursive: true }));

    test('answers those who trust its certificate', async () => {
      const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
      const { url } = await serve(request => new Response(request.url), { tls });
      expect(url).toMatch(/^https:/);
      const body = await new Promise((resolve, reject) => {
        const ca = execFileSync('cat', [tls.cert]);
        const request = httpsRequest(`${url}/a`, { ca }, async response => {
          let text = '';
          for await (const part of response) text += part;
          resolve(text);
        });
        request.on('error', reject).end();
      });
      expect(body).toBe(`${url}/a`);
      await expect(fetch(url)).rejects.toThrow();
    });

    test('says what is wrong with its files', async () => {
      const [cert, key, other] = ['cert.pem', 'key.pem', 'other.pem'].map(name => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await writeFile(other, 'nothing of the kind');
      const fails = (tls: { cert: string; key: string }) => expect(listen(echo, { port: 0, tls })).rejects;
      await fails({ cert, key: other }).toMatchObject({ code: 'INVALID_ARGUMENT' });
      await fails({ cert: join(folder, 'none.pem'), key }).toMatchObject({ code: 'FILE_NOT_FOUND' });
      await fails({ cert: folder, key }).toMatchObject({ code: 'FILE_UNREADABLE' });
    });
  });

  test('serves connections that are kept, and many at once', async () => {
    const { url } = await serve(echo);
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => fetch(`${url}/${i}`).then(r => r.text())));
    expect(all).toEqual(Array.from({ length: 100 }, (_, i) => `/${i}`));
  });

  test('outlives clients that leave in the middle', async () => {
    const { url } = await serve(async request => new Response(request.body));
    for (let i = 0; i < 5; i++) {
      const request = httpRequest(url, { method: 'POST', headers: { 'content-length': 100 } });
      request.on('error', () => {});
      request.write('some');
      await new Promise(resolve => setTimeout(resolve, 5));
      request.destroy();
    }
    expect(await post(url, 'whole')).toBe('200 whole');
  });
});

describe('a quota', () => {
  test('is taken by each owner and comes back evenly', () => {
    let now = 0;
    const quota = new Quota(1000, 10_000, () => now);
    expect([quota.take('a', 600), quota.take('a', 400), quota.take('b', 1000)]).toEqual([0, 0, 0]);
    expect(quota.take('a', 100)).toBe(1);
    now = 999;
    expect(quota.take('a', 100)).toBe(1);
    now = 1000;
    expect(quota.take('a', 100)).toBe(0);
    expect(quota.take('a', 500)).toBe(5);
    now = 20_000;
    expect([quota.take('a', 1000), quota.take('a', 1)]).toEqual([0, 1]);
    expect(quota.take('a', 1001)).toBeGreaterThan(10);
  });

  test('forgets owners who have all back', () => {
    let now = 0;
    const quota = new Quota(1000, 1000, () => now);
    for (; now < 100_000; now++) quota.take(`owner ${now}`, 100);
    expect((quota as unknown as { used: Map<string, unknown> }).used.size).toBeLessThan(102);
  });
});

describe('the log', () => {
  /** Lines that a logger wrote. */
  function lines(level?: string) {
    const written: string[] = [];
    return { logger: createLogger(level, { write: line => void written.push(line) }), written };
  }

  test('is JSON with level and time', () => {
    const { logger, written } = lines();
    logger.info({ id: 'a', ms: 12 }, 'job done');
    logger.debug('not this');
    const { time, ...line } = JSON.parse(written[0]!);
    expect(line).toEqual({ level: 'info', id: 'a', ms: 12, msg: 'job done' });
    expect(new Date(time).toISOString()).toBe(time);
    expect(written).toHaveLength(1);
  });

  test('has neither keys, nor pictures, nor what signs addresses', () => {
    const { logger, written } = lines();
    const uri = `data:image/png;base64,${'QUJD'.repeat(5000)}`;
    const cause = new Error(`cannot read ${uri}`);
    logger.info(
      { headers: { Authorization: 'Key hidden-1' }, key: 'hidden-2', input: { image_url: uri } },
      `got ${uri}`,
    );
    logger.info({ url: 'https://user:hidden-3@host.example/a.png?signature=hidden-4', body: Buffer.from('hidden-5') });
    logger.error(new Error(`no picture at https://host.example/b?token=hidden-6`, { cause }), 'failed');
    logger.error({ err: cause, deep: { list: [{ secret: 'hidden-7', text: uri }] } });
    logger.info(`https://host.example/b?token=hidden-8`);
    logger.info({ text: 'x'.repeat(5000) });
    logger.error(cause);
    logger.warn('%s and %o', uri, { token: 'hidden-9', cause });
    const text = written.join('');
    expect(text).not.toMatch(/hidden|QUJDQUJD/);
    expect(text).toContain('data:... (20022 letters)');
    expect(text).toContain('https://***@host.example/a.png?***');
    expect(text).toMatch(/"type":"Error","message":"no picture at https:\/\/host.example\/b\?\*\*\*"/);
    expect(written.every(line => line.length < 8000)).toBe(true);
  });
});

describe('the figures', () => {
  const record = (fields: Partial<JobRecord>) =>
    ({ state: 'COMPLETED', createdAt: 1000, startedAt: 3000, finishedAt: 3500, attempts: 1, ...fields }) as JobRecord;

  test('tell of queue, jobs, stages, requests, engine and memory', async () => {
    const counts = { waiting: 3, active: 1, oldestWaiting: Date.now() - 5000 };
    let asked = 0;
    const metrics = new Metrics({
      queue: {
        counts: async () => {
          asked++;
          return counts;
        },
      },
      engine: () => ({ adapter: 'a "GPU"', model: 'codeformer', memory: 1e9 }),
      webhooks: { size: 2 },
      active: () => 4,
    });
    metrics.request('GET', '/requests/:id/status', 200, 2);
    metrics.request('BREW', '*', 404, 1);
    metrics.job(record({}));
    metrics.job(record({ failure: { status: 422, detail: '' }, attempts: 2 }));
    metrics.job(record({ state: 'CANCELLED', startedAt: undefined }));
    metrics.restored(2, { detect: 100, encode: 200 });
    metrics.engineRestarted();
    metrics.webhook({ outcome: 'delivered', attempts: 1 });
    const text = await metrics.text();
    expect(metrics.contentType).toMatch(/^text\/plain/);
    for (const line of [
      'codeformer_queue_waiting 3',
      'codeformer_queue_active 1',
      'codeformer_jobs_total{outcome="done"} 1',
      'codeformer_jobs_total{outcome="failed"} 1',
      'codeformer_jobs_total{outcome="cancelled"} 1',
      'codeformer_job_retries_total 1',
      'codeformer_job_wait_seconds_sum 4',
      'codeformer_job_run_seconds_sum 1',
      'codeformer_stage_seconds_count{stage="detect"} 1',
      'codeformer_stage_seconds_sum{stage="encode"} 0.2',
      'codeformer_faces_total 2',
      'codeformer_engine_up 1',
      'codeformer_engine_memory_bytes 1000000000',
      'codeformer_engine_info{adapter="a \\"GPU\\"",model="codeformer"} 1',
      'codeformer_engine_restarts_total 1',
      'codeformer_webhooks_pending 2',
      'codeformer_webhooks_total{outcome="delivered"} 1',
      'codeformer_http_requests_active 4',
      'codeformer_http_requests_total{method="GET",route="/requests/:id/status",status="200"} 1',
      'codeformer_http_requests_total{method="other",route="*",status="404"} 1',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).toMatch(/^codeformer_queue_oldest_seconds [5-9](\.\d+)?$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(asked).toBe(1);
  });

  test('are there while the queue or the engine is not', async () => {
    const metrics = new Metrics({
      queue: { counts: () => Promise.reject(new Error('gone')) },
      engine: () => undefined,
    });
    const text = await metrics.text();
    expect(text).toMatch(/^codeformer_queue_waiting nan$/im);
    expect(text).toContain('\ncodeformer_engine_up 0\n');
    expect(text).not.toMatch(/^codeformer_engine_info/m);
  });
});

describe('docs/serve.md', () => {
  /** The cells of the rows of a table by the name in the first one. */
  async function tableOf(head: string): Promise<Record<string, string>> {
    const text = await readFile(new URL('../../docs/serve.md', import.meta.url), 'utf8');
    const [, table = ''] = text.split(`| ${head} |`);
    const rows = table.split('\n\n')[0]!.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm);
    return Object.fromEntries([...rows].map(([, name, value]) => [name!, value!]));
  }

  const shown = (name: string, value: number) => {
    if (/(Time|Pause|Delay)$/.test(name)) return `${value / 1000} s`;
    if (name === 'bodyRate') return `${value / 1000} kB/s`;
    if (!/Bytes/.test(name)) return value.toLocaleString('en-US');
    if (value % 1000 !== 0) return `${value / 1024} KiB`;
    return value >= 1e9 ? `${value / 1e9} GB` : `${value / 1e6} MB`;
  };

  test('has the limits as they are', async () => {
    const limits = Object.entries(LIMITS).map(([name, value]) => [name, shown(name, value)]);
    expect(await tableOf('limit')).toEqual(Object.fromEntries(limits));
  });

  test('has the metrics as they are', async () => {
    const metrics = new Metrics({
      queue: { counts: async () => ({ waiting: 0, active: 0 }) },
      engine: () => undefined,
      webhooks: { size: 0 },
      active: () => 0,
    });
    const own = [...(await metrics.text()).matchAll(/^# HELP (codeformer_\S+) (.+)$/gm)];
    const about = own.map(([, name, help]) => [name!, help![0]!.toLowerCase() + help!.slice(1)]);
    expect(await tableOf('metric')).toEqual(Object.fromEntries(about));
  });
});

describe('the queue of one process', () => {
  const jobOf = (owner: string, rest: Partial<Job> = {}): Job => ({
    id: randomUUID(),
    owner,
    input: { imageUrl: 'https://pictures.example/a.png' } as Job['input'],
    base: 'http://localhost',
    createdAt: Date.now(),
    deadline: Date.now() + 60_000,
    ...rest,
  });

  test('lets no more jobs of one owner wait than may', async () => {
    const queue = new LocalQueue({ limit: 5, limitPerOwner: 2 });
    const first = await queue.submit(jobOf('a'));
    await queue.submit(jobOf('a'));
    await expect(queue.submit(jobOf('a'))).rejects.toBeInstanceOf(QueueFullError);
    await queue.submit(jobOf('b'));
    await queue.cancel(first.id);
    await queue.submit(jobOf('a'));
    await expect(queue.submit(jobOf('a'))).rejects.toBeInstanceOf(QueueFullError);
    await queue.close();
  });

  test('gives one of several keys half of its places', () => {
    expect(queueLimits({ queueLimit: 5 })).toEqual({ limit: 5, limitPerOwner: 5 });
    expect(queueLimits({ queueLimit: 5, keys: ['a'] })).toEqual({ limit: 5, limitPerOwner: 5 });
    expect(queueLimits({ queueLimit: 5, keys: ['a', 'b'] })).toEqual({ limit: 5, limitPerOwner: 3 });
    expect(queueLimits({})).toEqual({ limit: LIMITS.queue, limitPerOwner: LIMITS.queue });
  });

  test('writes down what is asked for later, not what somebody waits for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'codeformer-queue-'));
    try {
      const queue = new LocalQueue({ folder });
      const kept = jobOf('a');
      const awaited = jobOf('a', { isAwaited: true });
      await queue.submit(kept);
      await queue.submit(awaited);
      expect((await queue.get(awaited.id))?.state).toBe('IN_QUEUE');
      await queue.close();
      const again = new LocalQueue({ folder });
      expect((await again.get(kept.id))?.state).toBe('IN_QUEUE');
      expect(await again.get(awaited.id)).toBeUndefined();
      await again.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
