// `npm run dev` under requests that no browser sends, and the headers that it sends as docs/hosting.md has them.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the server for development', () => {
  let server: ChildProcess;
  let origin: string;

  beforeAll(async () => {
    server = spawn(process.execPath, ['scripts/demo.mjs', 'dev', '--port', '0'], { cwd: root });
    origin = await new Promise<string>((resolve, reject) => {
      let said = '';
      server.stdout!.on('data', data => {
        said += data;
        const url = /http:\/\/localhost:\d+(?=\/)/.exec(said);
        if (url) resolve(url[0]);
      });
      server.stderr!.on('data', data => {
        said += data;
      });
      server.on('exit', () => reject(new Error(said)));
    });
  });
  afterAll(() => server?.kill());

  /** The first line of the answer to a request as it is written. */
  const raw = (request: string) =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(origin);
      const socket = connect(Number(port), hostname, () => socket.write(request));
      let answer = '';
      socket.on('data', data => {
        answer += data.toString('latin1');
      });
      socket.on('end', () => resolve(answer.split('\r\n', 1)[0]!));
      // A server may close before it has read everything.
      socket.on('error', error => (answer ? resolve(answer.split('\r\n', 1)[0]!) : reject(error)));
    });
  const get = (path: string) => raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);

  test('sends folders to their address with the slash', async () => {
    const lab = await fetch(`${origin}/lab`);
    expect([lab.status, lab.url]).toEqual([200, `${origin}/lab/`]);
    expect(await lab.text()).toContain('<title>');
  });

  test.each([
    ['/%', 400],
    ['/%00', 400],
    ['/%ff%fe', 400],
    ['//', 200],
    ['/../package.json', 403],
    ['/..%2f..%2fpackage.json', 403],
    ['/%2e%2e/%2e%2e/package.json', 403],
    ['/samples/..%5c..%5cpackage.json', 403],
    ['/.env', 404],
    ['nonsense', 400],
    [`/${'long'.repeat(1000)}`, 404],
    [`/${'long'.repeat(10_000)}`, 431],
  ])('answers hostile request %#', async (path, status) => {
    expect(await get(path)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('answers what is no request, and other methods', async () => {
    expect(await raw('nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    for (const method of ['POST', 'DELETE', 'OPTIONS']) expect((await fetch(origin, { method })).status).toBe(405);
    const head = await fetch(`${origin}/icon.svg`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('sends ranges, and refuses those that are not there', async () => {
    const range = (value: string) => fetch(`${origin}/icon.svg`, { headers: { range: value } });
    const whole = await (await fetch(`${origin}/icon.svg`)).text();
    const part = await range('bytes=2-5');
    expect([part.status, await part.text()]).toEqual([206, whole.slice(2, 6)]);
    expect((await range('bytes=99999999-')).status).toBe(416);
    expect((await range('bytes=nonsense')).status).toBe(200);
  });

  test('goes on after all of that, with the headers that hosts are asked for', async () => {
    const text = await readFile(`${root}/docs/hosting.md`, 'utf8');
    const [block] = /(?<=```\n)\/\*\n[^`]*/.exec(text)!;
    const asked = new Map<string, [string, string][]>();
    for (const rule of block.trim().split(/\n(?=\/)/)) {
      const [path, ...lines] = rule.split('\n');
      asked.set(
        path!,
        lines.map(line => line.trim().split(': ') as [string, string]),
      );
    }
    expect([...asked.keys()]).toEqual(['/*', '/*.js', '/fetcher.js']);
    for (const path of ['/', '/lab/', '/fetcher.html', '/fetcher.js', '/main.js', '/engine/worker.js']) {
      const { status, headers } = await fetch(origin + path);
      expect(status).toBe(200);
      const scripts = path.endsWith('.js') ? asked.get('/*.js')! : [];
      const expected = new Map([...asked.get('/*')!, ...scripts, ...(asked.get(path) ?? [])]);
      expect(Object.fromEntries([...expected].map(([name]) => [name, headers.get(name)]))).toEqual(
        Object.fromEntries(expected),
      );
    }
  });
});
