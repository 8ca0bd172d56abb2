// Workers as processes: a server, two of them and a real Redis; and what they say where something is missing.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { buildProject } from '../built.js';
import { codeformer, sample } from '../cli/harness.js';
import { TINY } from '../tiny.js';
import { freePort, startRedis, withRedis } from './services.js';

const program = fileURLToPath(new URL('../../bin/codeformer.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'codeformer-worker-'));
const tiny = join(folder, 'tiny.safetensors');

beforeAll(async () => {
  await buildProject();
  const generate = ['weights', 'generate', 'codeformer', '--config', JSON.stringify(TINY), '-o', tiny];
  execFileSync(process.execPath, [program, ...generate]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WAIT = { timeout: 60_000, interval: 50 };

/** A command that runs on. */
class Running {
  private readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stderr = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child.stderr!.on('data', chunk => {
      this.stderr += chunk;
    });
    this.ended = once(this.child, 'close').then(([code]) => code);
  }

  /** The lines of its log. */
  get log(): Record<string, unknown>[] {
    const lines = this.stderr.split('\n').filter(line => line.startsWith('{'));
    return lines.map(line => JSON.parse(line) as Record<string, unknown>);
  }

  async says(message: string): Promise<Record<string, unknown>> {
    await vi.waitUntil(() => this.isOver || this.log.some(({ msg }) => msg === message), WAIT);
    const line = this.log.find(({ msg }) => msg === message);
    if (!line) throw new Error(`it ended: ${this.stderr}`);
    return line;
  }

  end(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  private get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}

/** A server of pictures that come when a test wants them to, and of webhooks. */
class Outside {
  readonly held: { readonly name: string; readonly response: ServerResponse }[] = [];
  /** Names of pictures, as they were asked for. */
  readonly asked: string[] = [];
  /** What webhooks brought. */
  readonly called: { readonly request_id: string; readonly status: string }[] = [];
  isOpen = false;
  url = '';
  private server!: Server;

  async start(): Promise<void> {
    const photo = Buffer.from(await encodeImage(sample(32, 32)));
    this.server = createServer(async (request, response) => {
      if (request.method === 'POST') {
        const parts: Buffer[] = [];
        for await (const part of request) parts.push(part as Buffer);
        this.called.push(JSON.parse(Buffer.concat(parts).toString()));
        response.end();
        return;
      }
      const name = request.url!.slice(1);
      this.asked.push(name);
      response.setHeader('content-type', 'image/png');
      if (this.isOpen) response.end(photo);
      else this.held.push({ name, response });
    }).listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    this.open = () => {
      this.isOpen = true;
      for (const { response } of this.held.splice(0)) response.end(photo);
    };
  }

  open = () => {};

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

withRedis('a server and its workers', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let outside: Outside;
  const processes: Running[] = [];
  beforeEach(async () => {
    redis = await startRedis();
    outside = new Outside();
    await outside.start();
  });
  afterEach(async () => {
    for (const one of processes) one.end('SIGKILL');
    await Promise.all(processes.splice(0).map(({ ended }) => ended));
    outside.stop();
    await redis.stop();
  });

  const run = (name: 'serve' | 'worker', ...args: string[]) => {
    const common = ['--storage', join(folder, 'storage'), '--allow-private-urls', '--port', '0'];
    const one = new Running([name, ...common, ...args], { CODEFORMER_REDIS: redis.url });
    processes.push(one);
    return one;
  };
  const runWorker = () => run('worker', '--weights', tiny, '--adapter', 'wasm', '--lost-after', '2');

  const submit = async (base: unknown, name: string): Promise<string> => {
    const response = await fetch(`${base}/queue/fal-ai/codeformer?fal_webhook=${outside.url}/hook`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image_url: `${outside.url}/${name}`, aligned: true }),
    });
    const { request_id } = (await response.json()) as { request_id: string };
    return request_id;
  };
  const statusOf = async (base: unknown, id: string) =>
    (await fetch(`${base}/queue/fal-ai/codeformer/requests/${id}/status?logs=1`)).json() as Promise<{
      status: string;
      logs: { message: string }[];
    }>;
  const resultOf = async (base: unknown, id: string) => {
    await vi.waitUntil(async () => (await statusOf(base, id)).status === 'COMPLETED', WAIT);
    const response = await fetch(`${base}/queue/fal-ai/codeformer/requests/${id}`);
    expect(response.status).toBe(200);
    return (await response.json()) as { image: { url: string; width: number; height: number } };
  };

  test('one that is killed in the middle of a job: all jobs finish, each result is there and told once', async () => {
    const [server, killed, other] = [run('serve'), runWorker(), runWorker()];
    const { url } = await server.says('listening');
    await Promise.all([killed.says('ready'), other.says('ready')]);
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.push(await submit(url, String(i)));
    // All that they take at once are in the middle.
    await vi.waitUntil(() => outside.held.length === 4, WAIT);
    const dropped: string[] = [];
    for (const { name, response } of outside.held) response.on('close', () => dropped.push(name));
    killed.end('SIGKILL');
    await vi.waitUntil(() => dropped.length === 2, WAIT);
    outside.open();
    for (const id of ids) {
      const { image } = await resultOf(url, id);
      const picture = await fetch(image.url);
      expect(picture.headers.get('content-type')).toBe('image/png');
      const { width, height } = await decodeImage(new Uint8Array(await picture.arrayBuffer()));
      expect([width, height]).toEqual([image.width, image.height]);
    }
    await vi.waitUntil(() => outside.called.length === 6, WAIT);
    expect(outside.called.map(({ request_id }) => request_id).sort()).toEqual([...ids].sort());
    expect(outside.called.every(({ status }) => status === 'OK')).toBe(true);
    expect(outside.asked.filter(name => dropped.slice(0, 2).includes(name)).length).toBe(4);
    expect(outside.asked.length).toBe(8);
    expect(readdirSync(join(folder, 'storage/files/results')).length).toBe(6);
    rmSync(join(folder, 'storage'), { recursive: true });
  });

  test('one that is asked to end finishes what it does, and leaves the rest; a new server answers for both', async () => {
    const [server, first] = [run('serve'), runWorker()];
    const { url } = await server.says('listening');
    await first.says('ready');
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push(await submit(url, String(i)));
    await vi.waitUntil(() => outside.held.length === 2, WAIT);
    first.end('SIGTERM');
    await first.says('draining');
    outside.open();
    expect(await first.ended).toBe(0);
    const states = await Promise.all(ids.map(async id => (await statusOf(url, id)).status));
    expect(states).toEqual(['COMPLETED', 'COMPLETED', 'IN_QUEUE']);
    server.end('SIGTERM');
    expect(await server.ended).toBe(0);
    const [again, second] = [run('serve'), runWorker()];
    const { url: next } = await again.says('listening');
    await second.says('ready');
    for (const id of ids) await resultOf(next, id);
    expect((await statusOf(next, ids[0]!)).logs.length).toBeGreaterThan(1);
    expect(outside.asked).toEqual(['0', '1', '2']);
  });

  test('while Redis is away clients are told to come again, and all goes on when it is back', async () => {
    const [server, worker] = [run('serve'), runWorker()];
    const { url } = await server.says('listening');
    await worker.says('ready');
    const before = await submit(url, 'before');
    await vi.waitUntil(() => outside.held.length === 1, WAIT);
    await redis.service.stop('SIGKILL');
    outside.open();
    const headers = { 'content-type': 'application/json' };
    const asked = [
      fetch(`${url}/queue/fal-ai/codeformer`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ image_url: outside.url }),
      }),
      fetch(`${url}/queue/fal-ai/codeformer/requests/${before}/status`),
      fetch(`${url}/queue/fal-ai/codeformer/requests/${before}/cancel`, { method: 'PUT' }),
    ];
    for (const response of await Promise.all(asked)) {
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await response.json()).toMatchObject({ detail: 'The queue cannot be reached; try again later' });
    }
    expect((await fetch(`${url}/ready`)).status).toBe(503);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await redis.service.start();
    await vi.waitUntil(async () => (await fetch(`${url}/ready`)).status === 200, WAIT);
    await resultOf(url, before);
    await resultOf(url, await submit(url, 'after'));
    expect(outside.asked).toEqual(['before', 'after']);
  });

  test('says how it is, and what it did', async () => {
    const [server, worker] = [run('serve'), runWorker()];
    const { url } = await server.says('listening');
    const { url: status } = await worker.says('listening');
    await worker.says('ready');
    outside.open();
    await resultOf(url, await submit(url, 'a'));
    await worker.says('job ended');
    expect((await fetch(`${status}/health`)).status).toBe(200);
    expect((await fetch(`${status}/ready`)).status).toBe(200);
    expect((await fetch(`${status}/fal-ai/codeformer`)).status).toBe(404);
    const figures = await (await fetch(`${status}/metrics`)).text();
    expect(figures).toContain('codeformer_jobs_total{outcome="done"} 1\n');
    expect(figures).toMatch(/codeformer_stage_seconds_count\{stage="\w+"\} 1\n/);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('codeformer_queue_waiting 0\n');
  });
});

describe('what is missing', () => {
  test.each([
    ['the storage', ['--redis', 'redis://localhost']],
    ['Redis', ['--storage', folder]],
    ['an address', ['--redis', 'localhost:6379', '--storage', folder]],
    ['a time', ['--redis', 'redis://localhost', '--storage', folder, '--lost-after', '0']],
  ])('%s is said', async (_, args) => {
    const { code, stderr } = await codeformer(['worker', ...args]);
    expect(stderr).toMatch(/^error: (?:worker: )?Expected /);
    expect(code).toBe(2);
  });

  test.each(['serve', 'worker'])('%s without a Redis that can be reached ends', async name => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const { code, stderr } = await codeformer([name, '--redis', url, '--storage', folder, '--port', '0', '--quiet']);
    expect(stderr).toMatch(/error: Redis at 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/);
    expect(code).toBe(1);
  });

  test.each([
    ['bullmq', ['serve', '--redis', 'redis://localhost', '--storage', folder]],
    ['ioredis', ['worker', '--redis', 'redis://localhost', '--storage', folder]],
    ['@aws-sdk/client-s3', ['serve', '--storage', 's3://pictures']],
  ])('the package %s is named', async (name, args) => {
    // As where it is not installed.
    const hook = `export async function resolve(name, context, next) {
      if (name !== ${JSON.stringify(name)}) return next(name, context);
      const message = "Cannot find package '" + name + "' imported from elsewhere";
      throw Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' });
    }`;
    const text = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
    const load = `import { register } from 'node:module'; register(${JSON.stringify(text(hook))});`;
    const missing = new Running([...args, '--port', '0'], { NODE_OPTIONS: `--import=${text(load)}` });
    expect(await missing.ended).toBe(1);
    expect(missing.stderr).toContain(`error: Expected the package ${name} for `);
    expect(missing.stderr).toContain(`: npm install ${name}\n`);
  });
});
