// The server: what it takes beside the restorations, many requests at once, and answers while the engine works.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeImage } from '../src/node/images.js';
import { randomValues } from './measure.js';
import { median, type Options, type Report, type Row } from './report.js';

const ENDPOINT = '/fal-ai/codeformer';
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Requests of each kind of which the median is taken. */
const REQUESTS = 60;
const WARM = 5;

/** Requests that are queued at once, and how often. */
const QUEUED = 200;
const ROUNDS = 5;

/** Polls a second, and for how many. */
const POLLS = 1000;
const SECONDS = 15;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** What answers have of what is used here. */
interface Json {
  readonly image: { readonly url: string; readonly file_size: number };
  readonly status: string;
  readonly response_url: string;
  readonly status_url: string;
  readonly cancel_url: string;
}

function ask(method: string, url: string, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length };
    const request = httpRequest(url, { method, agent, headers }, async answer => {
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part);
      resolve({ status: answer.statusCode!, body: Buffer.concat(parts) });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The value of an answer. Throws where that is a refusal. */
async function jsonOf(answer: Promise<Answer>): Promise<Json> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`Expected an answer but received ${status} ${body.subarray(0, 200)}`);
  return JSON.parse(body.toString());
}

/** A server in a process of its own. */
class ServerProcess {
  url = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(args: readonly string[]): Promise<ServerProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'codeformer-bench-'));
    const run = fileURLToPath(new URL('../scripts/run.mjs', import.meta.url));
    const program = ['--expose-gc', run, 'bench/server-process.ts', '--folder', folder, ...args];
    const child = spawn(process.execPath, program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const server = new ServerProcess(child, folder);
    server.url = (await server.next<{ url: string }>()).url;
    return server;
  }

  /** Megabytes of the process, and of what its programs hold; milliseconds that it worked so far. */
  async usage(): Promise<{ rss: number; heap: number; cpu: number }> {
    const next = this.next<{ rss: number; heap: number; cpu: number }>();
    this.child.send('usage');
    const { rss, heap, cpu } = await next;
    return { rss: rss / 1e6, heap: heap / 1e6, cpu: cpu / 1e3 };
  }

  async stop(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.disconnect();
    await exit;
    await rm(this.folder, { recursive: true, force: true });
  }

  private async next<T>(): Promise<T> {
    const done = new AbortController();
    const { signal } = done;
    const ended = once(this.child, 'exit', { signal }).then(() => {
      throw new Error('The server ended');
    });
    ended.catch(() => {});
    try {
      const [message] = await Promise.race([once(this.child, 'message', { signal }), ended]);
      return message as T;
    } finally {
      done.abort();
    }
  }
}

/** A picture of about 1 MB, whose pixels are noise. */
async function picture(): Promise<Buffer> {
  const side = 580;
  const data = Uint8ClampedArray.from(randomValues(side * side * 4, 1), (value, i) =>
    i % 4 === 3 ? 255 : value * 128 + 128,
  );
  return Buffer.from(await encodeImage({ data, width: side, height: side }, { type: 'png' }));
}

const dataUri = (photo: Buffer): string => `data:image/png;base64,${photo.toString('base64')}`;

/** Milliseconds that one piece of work takes, many times over. */
async function timesOf(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < REQUESTS + WARM; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.slice(WARM);
}

/** Beside the restoration: one request after another, with an engine that gives photos back at once. */
async function overhead(server: ServerProcess, plain: ServerProcess, photo: Buffer): Promise<Row[]> {
  const host = createServer((_, response) => response.end(photo)).listen(0, '127.0.0.1');
  await once(host, 'listening');
  const address = `http://127.0.0.1:${(host.address() as AddressInfo).port}/photo.png`;
  const post = (input: object) => jsonOf(ask('POST', server.url + ENDPOINT, JSON.stringify(input)));
  const result = async (input: object) => {
    const { image } = await post(input);
    const { body } = await ask('GET', image.url);
    if (body.length !== photo.length) throw new Error(`Expected ${photo.length} bytes but received ${body.length}`);
  };
  const uri = dataUri(photo);
  const ways: Record<string, () => Promise<unknown>> = {
    'picture at an address': () => post({ image_url: address }),
    'picture as data URI': () => post({ image_url: uri }),
    'data URI, and back': () => post({ image_url: uri, sync_mode: true }),
    'picture at an address, and result fetched': () => result({ image_url: address }),
  };
  const least = () => jsonOf(ask('POST', plain.url, JSON.stringify({ image_url: uri })));
  const rows: Row[] = [];
  for (const [what, work] of [...Object.entries(ways), ['data URI, by a server that only writes it', least]] as const) {
    const asked = work === least ? plain : server;
    const before = await asked.usage();
    const times = await timesOf(work);
    const cpu = ((await asked.usage()).cpu - before.cpu) / (times.length + WARM);
    rows.push({
      what,
      count: times.length,
      'median ms': median(times),
      'p99 ms': percentile(times, 0.99),
      'CPU ms': cpu,
    });
  }
  host.close();
  host.closeAllConnections();
  return rows;
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;

/** Many requests at once, several times: how many came to a result, and what memory that leaves. */
async function queued(server: ServerProcess, photo: Buffer): Promise<Row[]> {
  const body = JSON.stringify({ image_url: dataUri(photo) });
  const submit = () => jsonOf(ask('POST', `${server.url}/queue${ENDPOINT}`, body));
  const rows: Row[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const start = performance.now();
    const all = await Promise.all(Array.from({ length: QUEUED }, submit));
    const urls = all.map(({ response_url }) => response_url);
    let done = 0;
    for (const url of urls) {
      while ((await jsonOf(ask('GET', `${url}/status`))).status !== 'COMPLETED')
        await new Promise(r => setTimeout(r, 5));
      const { image } = await jsonOf(ask('GET', url));
      if (image.file_size === photo.length) done++;
    }
    const ms = performance.now() - start;
    const { rss, heap } = await server.usage();
    rows.push({
      what: `${QUEUED} queued at once, round ${round}`,
      count: done,
      lost: QUEUED - done,
      'ms each': ms / QUEUED,
      'heap MB': heap,
      'rss MB': rss,
    });
  }
  return rows;
}

/** A connection that is kept and asks for one path again and again: less work than that of `node:http`, which would measure itself. */
class Poller {
  private answered = (_: number) => {};
  private got = '';

  private constructor(
    private readonly socket: Socket,
    private readonly request: string,
  ) {
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.got += text;
      const end = this.got.indexOf('\r\n\r\n');
      const [, length] = /content-length: (\d+)/i.exec(this.got) ?? [];
      if (end < 0 || this.got.length < end + 4 + Number(length)) return;
      const status = Number(this.got.slice(9, 12));
      this.got = '';
      this.answered(status);
    });
  }

  static async connect(url: string): Promise<Poller> {
    const { hostname, port, host, pathname, search } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return new Poller(socket, `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  }

  /** One request; returns its status. */
  poll(): Promise<number> {
    return new Promise(resolve => {
      this.answered = resolve;
      this.socket.write(this.request);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Polls of one job at a steady rate, whatever the answers take, while the engine restores photo after photo. */
async function polls(server: ServerProcess, photo: Buffer | null): Promise<Row> {
  const submit = (input: object) => jsonOf(ask('POST', `${server.url}/queue${ENDPOINT}`, JSON.stringify(input)));
  const jobs: Json[] = [];
  // More than are restored meanwhile; the one that is asked for is the last.
  for (let i = 0; photo && i < 100; i++) jobs.push(await submit({ image_url: dataUri(photo) }));
  const url = jobs.length > 0 ? `${jobs.at(-1)!.status_url}?logs=1` : `${server.url}/health`;
  const free = await Promise.all(Array.from({ length: 64 }, () => Poller.connect(url)));
  const waiting: number[] = [];
  const times: number[] = [];
  const { cpu } = await server.usage();
  const begin = performance.now();
  const due = (i: number) => begin + (i * 1000) / POLLS;
  const total = POLLS * SECONDS;
  const start = (poller: Poller, i: number) => {
    void poller.poll().then(status => {
      if (status >= 300) throw new Error(`Expected a status but received ${status}`);
      // From when it was due: what has to wait for its turn counts.
      times.push(performance.now() - due(i));
      const next = waiting.shift();
      if (next === undefined) free.push(poller);
      else start(poller, next);
    });
  };
  for (let i = 0; times.length < total; ) {
    for (; i < total && due(i) <= performance.now(); i++) {
      const poller = free.pop();
      if (poller) start(poller, i);
      else waiting.push(i);
    }
    await new Promise(resolve => setTimeout(resolve, 1));
  }
  const seconds = (performance.now() - begin) / 1000;
  const used = (await server.usage()).cpu - cpu;
  for (const poller of free) poller.close();
  for (const { cancel_url } of jobs) await ask('PUT', cancel_url);
  return {
    what: photo ? 'status polls while the engine works' : 'polls of an idle server',
    count: times.length,
    'per s': times.length / seconds,
    'median ms': median(times),
    'p99 ms': percentile(times, 0.99),
    'worst ms': Math.max(...times),
    'CPU ms': used / times.length,
  };
}

/** One row per way to ask, per round of many at once, and for polls. */
export async function benchServer({ filter, adapter }: Options): Promise<Report> {
  const photo = await picture();
  const rows: Row[] = [];
  const replaced = await ServerProcess.start(['--replaced']);
  const wanted = (name: string) => name.includes(filter);
  if (wanted('overhead')) {
    const plain = await ServerProcess.start(['--replaced', '--plain']);
    rows.push(...(await overhead(replaced, plain, photo)));
    await plain.stop();
  }
  if (wanted('queued')) rows.push(...(await queued(replaced, photo)));
  if (wanted('polls')) rows.push(await polls(replaced, null));
  await replaced.stop();
  if (wanted('polls')) {
    const real = await ServerProcess.start(['--adapter', adapter]);
    rows.push(await polls(real, photo));
    await real.stop();
  }
  return {
    adapter: `${adapter} for polls, else an engine that gives photos back at once`,
    rows,
    notes: [
      `A picture of ${(photo.length / 1e6).toFixed(2)} MB. Server, engine and clients are processes of this machine.`,
      'Filters: overhead, queued, polls.',
    ],
  };
}
