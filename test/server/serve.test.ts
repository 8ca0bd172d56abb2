// `codeformer serve` as a command: what it refuses, and what survives where its process ends, in order or not.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildProject } from '../built.js';
import { codeformer } from '../cli/harness.js';
import { ENDPOINT, QUEUE } from './pretended.js';
import { facePhoto, type Running, startServer } from './serve.js';

let folder: string;
let image_url: string;

beforeAll(async () => {
  await buildProject();
  folder = await mkdtemp(join(tmpdir(), 'codeformer-serve-'));
  image_url = `data:image/jpeg;base64,${(await facePhoto()).toString('base64')}`;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const running: Running[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop('SIGKILL');
});

async function start(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const server = await startServer(args, { CODEFORMER_CACHE: join(folder, 'cache'), ...env });
  running.push(server);
  return server;
}

// biome-ignore lint/suspicious/noExplicitAny: tests say what they expect.
async function json(url: string, body?: object, headers: Record<string, string> = {}): Promise<any> {
  const init = body && {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  };
  return (await fetch(url, init ?? { headers })).json();
}

const until = (url: string, status: number) =>
  expect.poll(async () => (await fetch(url)).status, { timeout: 60_000, interval: 50 }).toBe(status);

describe('flags', () => {
  test.each([
    ['--host 0.0.0.0', /--key as well, or --no-key to let everybody in, for --host but received "0\.0\.0\.0"/],
    ['--host example.org', /--key as well/],
    ['--key a --no-key', /no --key beside it for --no-key/],
    ['--port 70000', /a port from 0 to 65535 for --port/],
    ['--queue 0', /a whole number of at least 1 for --queue/],
    ['--max-megapixels 0', /a number above 0 for --max-megapixels/],
    ['--keep-hours never', /--keep-hours/],
    ['--keep-gigabytes -1', /--keep-gigabytes/],
    ['--cert cert.pem', /--cert and --tls-key together/],
    ['--adapter fast', /--adapter/],
    ['--detector none', /--detector/],
    ['--trust-proxy nobody', /nobody/],
    ['--public-url nowhere', /publicUrl/],
    ['photo.jpg', /no argument for serve/],
  ])('%s is refused', async (line, message) => {
    const { code, stderr } = await codeformer(['serve', ...line.split(' ')], {
      env: { CODEFORMER_CACHE: join(folder, 'none') },
    });
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    // Nothing was made for it.
    expect(await readdir(folder)).not.toContain('none');
  });

  test('a port, or a folder, that another server has, and weights that are not there: it ends and says so', async () => {
    const first = await start();
    const { port } = new URL(first.url);
    const storage = join(folder, 'second');
    await expect(start(['--storage', storage, '--port', port])).rejects.toThrow(/Cannot listen at 127\.0\.0\.1, port/);
    const second = await start(['--storage', storage, '--weights', join(folder, 'nothing.safetensors')]);
    await expect.poll(() => second.child.exitCode, { timeout: 30_000 }).toBe(1);
    const third = await start();
    await expect.poll(() => third.child.exitCode, { timeout: 30_000 }).toBe(1);
  });

  test('keys come from the environment', async () => {
    const { url } = await start([], { CODEFORMER_KEYS: 'one, two' });
    expect((await fetch(`${url}${QUEUE}/requests/x`)).status).toBe(401);
    expect((await fetch(`${url}${QUEUE}/requests/x`, { headers: { authorization: 'Key two' } })).status).toBe(404);
  });

  test('without keys it answers to the names of this machine alone', async () => {
    const { url } = await start();
    const { port } = new URL(url);
    const statusAs = (host: string) =>
      new Promise<number>((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port, path: '/health', headers: { host } }, response => {
          response.resume();
          resolve(response.statusCode!);
        });
        asked.once('error', reject).end();
      });
    expect(await statusAs(`localhost:${port}`)).toBe(200);
    expect(await statusAs(`queue.localhost:${port}`)).toBe(200);
    expect(await statusAs('page.example')).toBe(403);
  });
});

test('a server that is killed goes on where it was', async () => {
  const storage = join(folder, 'killed');
  const first = await start(['--storage', storage]);
  const done = (await json(first.url + QUEUE, { image_url })).request_id;
  await until(`${first.url}${QUEUE}/requests/${done}/status`, 200);
  const result = await json(`${first.url}${QUEUE}/requests/${done}`);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push((await json(first.url + QUEUE, { image_url, seed: i })).request_id);
  await first.stop('SIGKILL');
  const second = await start(['--storage', storage]);
  expect((await json(`${second.url}${QUEUE}/requests/${done}`)).image.file_name).toBe(result.image.file_name);
  for (const [seed, id] of ids.entries()) {
    await until(`${second.url}${QUEUE}/requests/${id}/status`, 200);
    expect(await json(`${second.url}${QUEUE}/requests/${id}`)).toMatchObject({ seed, image: { width: 320 } });
  }
});

test('a server that is asked to end lets what runs end first, and what waits go on with the next', async () => {
  const storage = join(folder, 'asked');
  const first = await start(['--storage', storage]);
  await until(`${first.url}/ready`, 200);
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) ids.push((await json(first.url + QUEUE, { image_url, seed: i })).request_id);
  const status = async (url: string, id: string) => (await json(`${url}${QUEUE}/requests/${id}/status`)).status;
  await expect.poll(() => status(first.url, ids[0]!), { timeout: 60_000 }).toBe('IN_PROGRESS');
  const waiting = fetch(first.url + ENDPOINT, {
    method: 'POST',
    body: JSON.stringify({ image_url }),
    headers: { 'content-type': 'application/json' },
  });
  await new Promise(resolve => setTimeout(resolve, 200));
  expect(await first.stop('SIGTERM')).toBe(0);
  expect((await waiting).status).toBe(503);
  expect(first.lines().map(({ msg }) => msg)).toContain('draining');
  const ended = first.lines().filter(({ msg, state }) => msg === 'job ended' && state === 'COMPLETED');
  expect(ended.length).toBeGreaterThanOrEqual(1);
  const second = await start(['--storage', storage]);
  for (const id of ids) await until(`${second.url}${QUEUE}/requests/${id}/status`, 200);
  const results = await Promise.all(ids.map(id => json(`${second.url}${QUEUE}/requests/${id}`)));
  expect(results.map(({ seed }) => seed)).toEqual([0, 1, 2, 3, 4, 5]);
  // Each once.
  const all = second.lines().filter(({ msg, state }) => msg === 'job ended' && state === 'COMPLETED');
  expect(all.length + ended.length).toBe(ids.length);
});

test('an engine that is killed is started again, and its job ends', async () => {
  const { url, child, lines } = await start(['--storage', join(folder, 'engine')]);
  await until(`${url}/ready`, 200);
  // A large result takes some time.
  const id = (await json(url + QUEUE, { image_url, upscaling: 8 })).request_id;
  const status = `${url}${QUEUE}/requests/${id}/status?logs=1`;
  const messages = async () => ((await json(status)).logs ?? []).map(({ message }: { message: string }) => message);
  await expect.poll(messages, { timeout: 60_000, interval: 5 }).toContain('Looking for faces');
  const engines = childrenOf(child.pid!);
  expect(engines).toHaveLength(1);
  process.kill(engines[0]!, 'SIGKILL');
  await until(status, 200);
  expect(await messages()).toContain('The engine broke off; the picture is begun again');
  expect((await json(`${url}${QUEUE}/requests/${id}`)).image.width).toBe(1280);
  expect(lines().map(({ msg }) => msg)).toContain('The process of the engine broke');
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('codeformer_engine_restarts_total 1');
});

/** The processes that a process has started. */
function childrenOf(pid: number): number[] {
  const text = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  return text.trim().split(/\s+/).map(Number);
}
