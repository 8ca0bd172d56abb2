// What deploy/ has is run as far as that goes without containers: its commands, with a port and a folder of this machine, and its paths.

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { LIMITS } from '../../src/server/limits.js';
import { buildProject } from '../built.js';
import { freePort, startRedis, withRedis } from './services.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const textOf = (name: string) => readFileSync(join(root, 'deploy', name), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'codeformer-deploy-'));
const KEY = 'a-key-of-this-test';

/** Programs as on a machine with the package installed. */
const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}`, CODEFORMER_KEYS: KEY };

beforeAll(async () => {
  await buildProject();
  chmodSync(join(root, 'bin/codeformer.mjs'), 0o755);
  symlinkSync(join(root, 'bin/codeformer.mjs'), join(folder, 'codeformer'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** A command with a folder for its storage and a port of this machine. */
async function adapted(words: readonly string[], storage: string, redis?: string) {
  const port = String(await freePort());
  const files = join(folder, `storage-${port}`);
  mkdirSync(files);
  const replaced = new Map([
    ['8080', port],
    [storage, files],
    ...(redis === undefined ? [] : ([['redis://redis:6379', redis]] as const)),
  ]);
  return { words: words.map(word => replaced.get(word) ?? word), origin: `http://127.0.0.1:${port}` };
}

/** Starts a command. Throws with what it says where it ends before a server answers. */
async function start([program, ...args]: readonly string[], origin: string): Promise<ChildProcess> {
  const child = spawn(program!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  running.push(child);
  let said = '';
  child.stderr!.on('data', text => {
    said += text;
  });
  while (!(await fetch(`${origin}/health`).catch(() => null))?.ok) {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return child;
}

/** Asks a process to end, and returns its exit code. */
async function stop(child: ChildProcess): Promise<number | null> {
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  return code;
}

const statusOf = async (url: string, key?: string) =>
  (await fetch(url, { headers: key === undefined ? {} : { authorization: `Key ${key}` } })).status;

/** Whether the flags of a command are all known: its help is printed instead of running it. */
async function parses(words: readonly string[]): Promise<void> {
  const { stdout } = await promisify(execFile)(words[0]!, [...words.slice(1), '--help'], { env });
  expect(stdout).toMatch(/^Usage: codeformer /);
}

const SOME = '/queue/fal-ai/codeformer/requests/00000000-0000-4000-8000-000000000000/status';

describe('the unit of systemd', () => {
  const settings = new Map(
    textOf('codeformer.service')
      .split('\n')
      .flatMap(line => {
        const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
        return name === undefined ? [] : [[name, value!] as const];
      }),
  );
  const command = settings.get('ExecStart')!.split(' ');

  test('is one', async ({ skip }) => {
    if (!existsSync('/usr/bin/systemd-analyze')) skip('systemd-analyze is not installed');
    await promisify(execFile)('systemd-analyze', ['verify', join(root, 'deploy/codeformer.service')]);
  });

  test('starts a server that wants the key, and that ends in order', async () => {
    const { words, origin } = await adapted(command, command.at(-1)!);
    const server = await start(words, origin);
    expect(await statusOf(origin + SOME)).toBe(401);
    expect(await statusOf(origin + SOME, KEY)).toBe(404);
    expect(await stop(server)).toBe(0);
  });

  test('gives the server the time that it takes to end', () => {
    expect(Number(settings.get('TimeoutStopSec')) * 1000).toBeGreaterThan(LIMITS.drainTime + 5000);
  });
});

describe('the Containerfile', () => {
  /** Instructions of both stages, continued lines joined. */
  const instructions = textOf('Containerfile')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .flatMap(line => {
      const [, name, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [{ name, rest: rest! }];
    });
  const last = (name: string) => instructions.findLast(each => each.name === name)!.rest;
  const listOf = (text: string): string[] => JSON.parse(text.slice(text.indexOf('[')));
  const command = [...listOf(last('ENTRYPOINT')), ...listOf(last('CMD'))];

  test('starts a server whose health it sees', async () => {
    const { words, origin } = await adapted(command, last('VOLUME'));
    expect(words).toContain(last('EXPOSE') === '8080' ? new URL(origin).port : '');
    const [program, ...args] = listOf(last('HEALTHCHECK')).map(word => word.replace('http://127.0.0.1:8080', origin));
    const check = () => promisify(execFile)(program!, args);
    await expect(check()).rejects.toMatchObject({ code: 1 });
    const server = await start(words, origin);
    await check();
    expect(await statusOf(origin + SOME)).toBe(401);
    expect(await stop(server)).toBe(0);
  });

  test('refuses to be reached without a key', async () => {
    const { words } = await adapted(command, last('VOLUME'));
    const { CODEFORMER_KEYS: _, ...without } = env;
    const refused = promisify(execFile)(words[0]!, words.slice(1), { env: without });
    await expect(refused).rejects.toMatchObject({ code: 2 });
  });

  test('copies and installs what there is', () => {
    const [{ filename }] = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8' }),
    );
    const copied = instructions.find(({ rest }) => rest.startsWith('--from=build'))!.rest.split(' ')[1]!;
    const pattern = new RegExp(`^${copied.replace('/build/', '').replaceAll('.', '\\.').replace('*', '.*')}$`);
    expect(filename).toMatch(pattern);
    const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const installed = instructions.find(({ rest }) => rest.startsWith('npm install --global'))!.rest;
    for (const name of Object.keys(peerDependencies)) expect(installed.split(' ')).toContain(name);
  });
});

describe('the compose file', () => {
  const { services, volumes } = parse(textOf('compose.yaml'), { merge: true });
  const command = (name: string): string[] => ['codeformer', ...services[name].command];

  test('names files and volumes that there are', () => {
    for (const name of ['server', 'worker']) {
      const { context, dockerfile } = services[name].build;
      expect(existsSync(join(root, 'deploy', context, dockerfile))).toBe(true);
      expect(services[name].depends_on.redis.condition).toBe('service_healthy');
      expect(Number.parseInt(services[name].stop_grace_period, 10) * 1000).toBeGreaterThan(LIMITS.drainTime + 5000);
    }
    const used = Object.values<{ volumes: string[] }>(services).flatMap(service => service.volumes);
    expect(new Set(used.map(volume => volume.split(':')[0]))).toEqual(new Set(Object.keys(volumes)));
  });

  test('has commands whose flags are known', async () => {
    await parses(command('server'));
    await parses(command('worker'));
  });

  withRedis('with its Redis', () => {
    test('starts server and worker, which end in order', async () => {
      const redis = await startRedis();
      try {
        const { words, origin } = await adapted(command('server'), '/var/lib/codeformer', redis.url);
        const server = await start(words, origin);
        const [program, ...args] = (await adapted(command('worker'), '/var/lib/codeformer', redis.url)).words;
        const worker = spawn(program!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
        running.push(worker);
        await once(worker.stderr, 'data');
        worker.stderr.resume();
        expect(await statusOf(origin + SOME, KEY)).toBe(404);
        expect(await statusOf(`${origin}/ready`)).toBe(200);
        expect(await stop(worker)).toBe(0);
        expect(await stop(server)).toBe(0);
      } finally {
        await redis.stop();
      }
    });
  });
});
