// Programs that tests of the server need and that are no packages of Node: Redis, and a Python with a server for S3 and the official client.
// Where they are is in the environment; without that the tests are skipped, unless CODEFORMER_REQUIRE_SERVICES=1 says that they must run.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';

/** A path from the environment; undefined where what needs it is skipped, which is said. */
function programIn(variable: string, what: string): string | undefined {
  const path = process.env[variable];
  if (path) return path;
  if (process.env.CODEFORMER_REQUIRE_SERVICES === '1')
    throw new Error(`CODEFORMER_REQUIRE_SERVICES is set but ${variable} is not`);
  console.info(`${variable} is not set: tests that need ${what} are skipped`);
  return undefined;
}

const REDIS_SERVER = programIn('CODEFORMER_REDIS_SERVER', 'the program redis-server');

/** A Python that has `moto[server]` and `fal-client`. */
export const PYTHON = programIn('CODEFORMER_PYTHON', 'a Python with moto[server] and fal-client');

/** `describe` for tests that need Redis. */
export const withRedis = describe.skipIf(!REDIS_SERVER);

/** `describe` for tests that need packages of Python. */
export const withPython = describe.skipIf(!PYTHON);

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A program that listens on a port. */
export class Service {
  private child: ChildProcess | null = null;

  constructor(
    readonly port: number,
    private readonly program: string,
    private readonly args: readonly string[],
  ) {}

  /** Returns when it takes connections. */
  async start(): Promise<void> {
    const child = spawn(this.program, this.args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    let said = '';
    child.stderr.on('data', data => {
      said += data;
    });
    while (!(await listens(this.port))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${this.program} ended: ${said}`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    this.child?.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.end(() => resolve(true)));
    socket.on('error', () => resolve(false));
  });
}

/** A server of S3 with one bucket. */
export async function startS3(bucket: string): Promise<{ endpoint: string; stop(): Promise<void> }> {
  const port = await freePort();
  const service = new Service(port, PYTHON!, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)]);
  await service.start();
  const endpoint = `http://127.0.0.1:${port}`;
  const made = await fetch(`${endpoint}/${bucket}`, { method: 'PUT' });
  if (!made.ok) throw new Error(`the bucket could not be made: ${await made.text()}`);
  return { endpoint, stop: () => service.stop() };
}

/** A Redis with nothing in it, which keeps what it has where it is stopped and started again. */
export async function startRedis(): Promise<{ url: string; service: Service; stop(): Promise<void> }> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const settings = [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'yes',
  ];
  const service = new Service(port, REDIS_SERVER!, [...settings, '--maxmemory-policy', 'noeviction']);
  await service.start();
  return {
    url: `redis://127.0.0.1:${port}`,
    service,
    async stop() {
      await service.stop('SIGKILL');
      await rm(folder, { recursive: true });
    },
  };
}
