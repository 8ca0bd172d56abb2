// The command line as a process: what only the real thing shows of streams, signals, the disk and the adapter.

import { type ChildProcess, type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { buildProject } from '../built.js';
import { TINY } from '../tiny.js';
import { sample } from './harness.js';

const program = fileURLToPath(new URL('../../bin/codeformer.mjs', import.meta.url));
const library = new URL('../../dist/node.js', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'codeformer-process-'));
const crop = join(folder, 'crop.png');
const tiny = join(folder, 'tiny.safetensors');

beforeAll(async () => {
  await buildProject();
  writeFileSync(crop, await encodeImage(sample(32, 32)));
  const generate = ['weights', 'generate', 'codeformer', '--config', JSON.stringify(TINY), '-o', tiny];
  expect((await codeformer(generate)).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

interface Setting {
  readonly stdin?: Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  readonly onStderr?: (text: string, child: ChildProcess) => void;
}

function codeformer(args: readonly string[], setting: Setting = {}): Promise<Ended> {
  const { stdin, env, onStderr } = setting;
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, NO_COLOR: '1', ...env } });
  child.stdin.end(stdin);
  return ended(child, onStderr);
}

function ended(child: ChildProcessWithoutNullStreams, onStderr?: Setting['onStderr']): Promise<Ended> {
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', chunk => stdout.push(chunk));
  child.stderr.on('data', chunk => {
    stderr += chunk;
    onStderr?.(stderr, child);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
}

/** A folder that is empty, for outputs. */
function empty(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

test('starts, and says what is wrong with its arguments', async () => {
  expect((await codeformer(['--version'])).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
  const { code, stdout, stderr } = await codeformer(['restore', crop, '--fidelity', '2', '--aligned']);
  expect([code, stdout.length]).toEqual([2, 0]);
  expect(stderr).toBe('error: Expected a number from 0 to 1 for --fidelity but received "2" of type string\n');
});

test('restores from stdin to stdout with the embedded weights', async () => {
  const args = ['restore', '-', '--aligned', '--adapter', 'software'];
  const { code, stdout, stderr } = await codeformer(args, { stdin: readFileSync(crop) });
  expect(stderr).toMatch(/^adapter: .+ \(software\)\nwarning: stdin: expected a crop of 256x256 but it has 32x32/);
  expect(code).toBe(0);
  const { width, height } = await decodeImage(stdout);
  expect([width, height]).toEqual([256, 256]);
});

test('upscales the background with the embedded network, and interpolates without one', async () => {
  const photo = sample(64, 48);
  const args = ['restore', '-', '--weights', tiny, '--background-upscale', '--adapter', 'software'];
  const enlarged = async (...more: string[]) => {
    const { code, stdout, stderr } = await codeformer([...args, ...more], { stdin: await encodeImage(photo) });
    return { code, stderr, picture: await decodeImage(stdout) };
  };
  const [own, none] = [await enlarged(), await enlarged('--upscaler', 'none')];
  expect([own.code, own.picture.width, own.picture.height]).toEqual([0, 128, 96]);
  expect(own.stderr).not.toMatch(/warning/);
  expect(none.stderr).toMatch(/warning: .*no upscaler is loaded/);
  expect(own.picture.data).not.toEqual(none.picture.data);
});

test('ends with 3 without an adapter', async () => {
  const into = empty('no-adapter');
  // No driver is found where this names none that exists.
  const env = { VK_DRIVER_FILES: '/none.json', VK_ICD_FILENAMES: '/none.json' };
  const args = ['restore', crop, '-o', join(into, 'out.png'), '--aligned', '--adapter', 'gpu'];
  const { code, stderr } = await codeformer(args, { env });
  expect(code).toBe(3);
  expect(stderr).toMatch(
    /error: Expected a WebGPU adapter of kind "gpu" but none was found\n.*`codeformer doctor` says/,
  );
  expect(readdirSync(into)).toEqual([]);
});

test('ends with 3 where the adapter is too small for the geometry', async () => {
  const into = empty('limits');
  const weights = join(folder, 'large.safetensors');
  const config = { ...TINY, size: 4096, channels: 64, multipliers: Array(9).fill(1) };
  await codeformer(['weights', 'generate', 'codeformer', '--config', JSON.stringify(config), '-o', weights]);
  const args = ['restore', crop, '-o', join(into, 'out.png'), '--aligned', '--weights', weights];
  const { code, stderr } = await codeformer([...args, '--adapter', 'software']);
  expect(stderr).toMatch(/^error: Expected an adapter with storage buffers of at least \d+ bytes/);
  expect(code).toBe(3);
  expect(readdirSync(into)).toEqual([]);
});

test('ends with 130 on Ctrl-C, and leaves nothing', async () => {
  const into = empty('aborted');
  // The embedded network: after the adapter is named it works for long enough that the signal comes in time on a busy machine.
  const args = ['restore', crop, '-o', join(into, 'out.png'), '--aligned', '--adapter', 'software'];
  let sent = false;
  const interrupt = (text: string, child: ChildProcess) => {
    if (!sent && /^adapter: .*\n/.test(text)) sent = child.kill('SIGINT');
  };
  const { code, stderr } = await codeformer(args, { onStderr: interrupt });
  expect(stderr).toMatch(/error: aborted\n$/);
  expect(code).toBe(130);
  expect(readdirSync(into)).toEqual([]);
});

test('leaves nothing on a full disk', { skip: process.platform === 'win32' }, async () => {
  const into = empty('full');
  // A limit on the size of files stands for the disk. It would stop SwiftShader as well, so this is the library without a network.
  const script = `
    import { writeImageFile } from ${JSON.stringify(String(library))};
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 253);
    await writeImageFile(process.argv[1], { data, width: 64, height: 64 });`;
  const command = [process.execPath, '--input-type=module', '-e', script, join(into, 'out.png')];
  const { code, stderr } = await ended(spawn('bash', ['-c', 'ulimit -f 1 && exec "$@"', '-', ...command]));
  expect(stderr).toMatch(/out\.png cannot be written: EFBIG/);
  expect(stderr).toContain('FILE_UNWRITABLE');
  expect(code).toBe(1);
  expect(readdirSync(into)).toEqual([]);
});

describe('streams and signals', { skip: process.platform !== 'linux' }, () => {
  const inShell = (script: string, ...args: string[]) =>
    ended(spawn('bash', ['-c', script, '-', process.execPath, program, ...args]));

  /** A run that is looked at while it works. */
  function started(...args: string[]) {
    const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, NO_COLOR: '1' } });
    const end = ended(child);
    /** Waits until something holds, as long as the process runs. */
    const until = async (holds: () => boolean) => {
      while (child.exitCode === null && child.signalCode === null && !holds()) await sleep(5);
    };
    return { child, end, until };
  }

  test('a full disk below stdout is told', async () => {
    const { code, stderr } = await inShell('exec "$@" > /dev/full', '--version');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: stdout cannot be written: ENOSPC/)]);
  });

  test('a disk that takes only a part of what goes to stdout', async () => {
    const list = join(folder, 'list.json');
    const { code, stderr } = await inShell(`ulimit -f 1 && exec "$@" > ${list}`, 'weights', 'list', '--json');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: stdout cannot be written: EFBIG/)]);
    expect((await inShell(`exec "$@" > ${list}`, 'weights', 'list', '--json')).code).toBe(0);
    expect(JSON.parse(readFileSync(list, 'utf8')).length).toBeGreaterThan(4);
  });

  test('nobody who reads stderr is no reason to lose the work', async () => {
    const into = empty('silent');
    const args = [
      'restore',
      crop,
      '-o',
      join(into, 'out.png'),
      '--aligned',
      '--weights',
      tiny,
      '--adapter',
      'software',
    ];
    const { child, end } = started(...args);
    child.stderr.destroy();
    expect((await end).code).toBe(0);
    expect(readdirSync(into)).toEqual(['out.png']);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
  ] as const)('%s leaves nothing', async (signal, expected) => {
    const into = empty(signal);
    const { child, end, until } = started('weights', 'generate', 'codeformer', '-o', join(into, 'large.safetensors'));
    await until(() => readdirSync(into).length > 0);
    expect(readdirSync(into)).toEqual([expect.stringMatching(/^\.codeformer-/)]);
    child.kill(signal);
    expect((await end).code).toBe(expected);
    expect(readdirSync(into)).toEqual([]);
  });

  test('what a killed run has left, the next one takes away', async () => {
    const into = empty('killed');
    const { child, end, until } = started('weights', 'generate', 'codeformer', '-o', join(into, 'large.safetensors'));
    await until(() => readdirSync(into).length > 0);
    child.kill('SIGKILL');
    await end;
    expect(readdirSync(into).length).toBe(1);
    const config = ['--config', JSON.stringify(TINY)];
    await codeformer(['weights', 'generate', 'codeformer', ...config, '-o', join(into, 'small.safetensors')]);
    expect(readdirSync(into)).toEqual(['small.safetensors']);
  });

  test('a pipe that nobody writes to does not hold the process', async () => {
    const pipe = join(folder, 'pipe.png');
    execFileSync('mkfifo', [pipe]);
    const { child, end, until } = started('restore', pipe, '-o', join(folder, 'never.png'));
    const files = `/proc/${child.pid}/fd`;
    await until(() => {
      try {
        return readdirSync(files).some(fd => readlinkSync(join(files, fd)) === pipe);
      } catch {
        // Files come and go while they are listed.
        return false;
      }
    });
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
  });
});
