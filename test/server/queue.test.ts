// What queues do with jobs. What holds for the one in this process holds for the one on Redis, which is a real server here.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { onAbort } from '../../src/abort.js';
import { JobError, QueueFullError } from '../../src/server/errors.js';
import { LocalQueue } from '../../src/server/queue/local.js';
import { openRedisQueue, type RedisQueueOptions } from '../../src/server/queue/redis.js';
import type { Job, JobOutput, JobQueue, JobRecord, LogLine, Work } from '../../src/server/types.js';
import { freePort, startRedis, withRedis } from './services.js';

type Options = Pick<RedisQueueOptions, 'limit' | 'limitPerOwner' | 'maxAge' | 'maxEnded' | 'onError'>;

const INPUT: Job['input'] = {
  imageUrl: 'https://pictures.example/a.png',
  fidelity: 0.5,
  upscaling: 2,
  aligned: false,
  onlyCenterFace: false,
  faceUpscale: true,
  syncMode: false,
  outputFormat: 'png',
  strength: 1,
  faces: 'all',
  perFace: {},
  grayscale: 'auto',
  neverWorse: true,
  metadata: 'keep',
  temperature: 0,
};

let made = 0;

/** A job; those that come later are younger. */
function jobOf(owner = '', rest: Partial<Job> = {}): Job {
  const createdAt = Date.now() + made++ / 1_000;
  const deadline = Date.now() + 60_000;
  return { id: randomUUID(), owner, input: INPUT, base: 'http://localhost', createdAt, deadline, ...rest };
}

const outputOf = (job: Job): JobOutput => ({
  image: { key: `results/${job.id}`, width: 1, height: 2, contentType: 'image/png', fileName: 'a.png', fileSize: 3 },
  seed: 7,
});

const line = (message: string): LogLine => ({
  message,
  level: 'INFO',
  source: 'test',
  timestamp: new Date(0).toISOString(),
});

/** Work that a test lets go on. */
class Gate {
  readonly begun: string[] = [];
  readonly aborted: string[] = [];
  private readonly open = new Map<string, (error?: Error) => void>();

  readonly work: Work = async (job, { log, signal }) => {
    this.begun.push(job.id);
    log(line('begun'));
    let isOver = false;
    await new Promise<void>((resolve, reject) => {
      this.open.set(job.id, error => (error ? reject(error) : resolve()));
      onAbort(signal, () => {
        if (!isOver) this.aborted.push(job.id);
        reject(signal.reason);
      });
    }).finally(() => {
      isOver = true;
    });
    log(line('done'));
    return outputOf(job);
  };

  /** Waits until the work of a job is begun: its record says so before, and a queue that closes in between gives it back. */
  async begin(id: string): Promise<void> {
    await vi.waitUntil(() => this.open.has(id), WAIT);
  }

  /** Ends the work of a job, once it is begun. */
  async end(id: string, error?: Error): Promise<void> {
    await this.begin(id);
    this.open.get(id)!(error);
  }
}

const WAIT = { timeout: 30_000, interval: 10 };

const quick: Work = async job => outputOf(job);

/** Starts the work of a queue, and gathers what it tells of the jobs that ended. */
function tells<T>(queue: JobQueue, work: Work, of: (record: JobRecord) => T, concurrency = 1): T[] {
  const told: T[] = [];
  queue.work(work, {
    concurrency,
    finished: async record => {
      told.push(of(record));
    },
  });
  return told;
}

/** The record of a job that has ended. */
async function ended(queue: JobQueue, id: string): Promise<JobRecord> {
  let last: JobRecord | undefined;
  for await (const record of queue.watch(id, AbortSignal.timeout(WAIT.timeout))) last = record;
  return last!;
}

async function inState(queue: JobQueue, id: string, state: JobRecord['state']): Promise<void> {
  await vi.waitUntil(async () => (await queue.get(id))?.state === state, WAIT);
}

/** What holds for every queue. Those that are opened one after another have the same jobs. */
function contract(open: (options?: Options) => Promise<JobQueue>): void {
  let queue: JobQueue;
  const opened: JobQueue[] = [];
  const start = async (options?: Options) => {
    queue = await open(options);
    opened.push(queue);
    return queue;
  };
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  test('a job waits, is worked on, and ends with its output', async () => {
    await start();
    const job = jobOf('owner', { webhook: 'https://hooks.example', notes: [line('note')] });
    const waiting = await queue.submit(job);
    expect(waiting).toEqual({ ...job, state: 'IN_QUEUE', position: 0, logs: [line('note')], attempts: 0 });
    expect(await queue.get(job.id)).toEqual(waiting);
    const gate = new Gate();
    const before = Date.now();
    queue.work(gate.work, { concurrency: 1 });
    await vi.waitUntil(async () => (await queue.get(job.id))!.logs.length === 2, WAIT);
    const running = (await queue.get(job.id))!;
    expect(running).toEqual({
      ...job,
      state: 'IN_PROGRESS',
      position: 0,
      logs: [line('note'), line('begun')],
      attempts: 1,
      startedAt: running.startedAt,
    });
    await gate.end(job.id);
    const record = await ended(queue, job.id);
    const logs = [line('note'), line('begun'), line('done')];
    expect(record).toEqual({
      ...running,
      state: 'COMPLETED',
      logs,
      output: outputOf(job),
      finishedAt: record.finishedAt,
    });
    expect(record.startedAt).toBeGreaterThan(before - 1_000);
    expect(record.finishedAt).toBeGreaterThanOrEqual(record.startedAt!);
    expect(await queue.get(job.id)).toEqual(record);
  });

  test('what nobody submitted is not there', async () => {
    await start();
    const id = randomUUID();
    expect(await queue.get(id)).toBeUndefined();
    expect(await queue.cancel(id)).toBe('NOT_FOUND');
    for await (const _ of queue.watch(id)) throw new Error('nothing was expected');
  });

  test('failures have their status and detail; of others nothing is told to the client', async () => {
    const errors: unknown[] = [];
    await start({ onError: error => errors.push(error) });
    const [known, unknown] = [jobOf(), jobOf()];
    const defect = new Error('secret');
    const work: Work = async ({ id }) => {
      throw id === known.id ? new JobError(422, [{ loc: ['body'], msg: 'no', type: 'value_error' }]) : defect;
    };
    await queue.submit(known);
    await queue.submit(unknown);
    queue.work(work, { concurrency: 2 });
    const { state, failure, output } = await ended(queue, known.id);
    expect([state, output]).toEqual(['COMPLETED', undefined]);
    expect(failure).toEqual({ status: 422, detail: [{ loc: ['body'], msg: 'no', type: 'value_error' }] });
    expect((await ended(queue, unknown.id)).failure).toEqual({ status: 500, detail: 'Internal error' });
    expect(errors).toEqual([defect]);
  });

  test('who watches sees each state and all logs, in order', async () => {
    await start();
    const job = jobOf();
    await queue.submit(job);
    const seen: JobRecord[] = [];
    const watching = (async () => {
      for await (const record of queue.watch(job.id)) seen.push(record);
    })();
    await vi.waitUntil(() => seen.length === 1, WAIT);
    const work: Work = async (_, { log }) => {
      for (let i = 0; i < 50; i++) log(line(String(i)));
      await delay(50);
      return outputOf(job);
    };
    queue.work(work, { concurrency: 1 });
    await watching;
    expect([...new Set(seen.map(({ state }) => state))]).toEqual(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']);
    expect(seen.at(-1)!.logs.map(({ message }) => Number(message))).toEqual(Array.from({ length: 50 }, (_, i) => i));
    for (const [i, { logs }] of seen.entries())
      expect(logs.length).toBeGreaterThanOrEqual(seen[i - 1]?.logs.length ?? 0);
  });

  test('who watches can leave', async () => {
    await start();
    const job = jobOf();
    await queue.submit(job);
    const controller = new AbortController();
    let seen = 0;
    for await (const _ of queue.watch(job.id, controller.signal)) {
      seen++;
      setTimeout(() => controller.abort(), 20);
    }
    expect(seen).toBe(1);
  });

  test('each owner has its turn; positions say so, and who watches sees them', async () => {
    await start();
    const [a, b, c] = ['a', 'b', 'c'].map(owner => Array.from({ length: 3 }, () => jobOf(owner)));
    const [last, ...others] = [c![0]!, ...a!, ...b!.slice(0, 2)];
    for (const job of [...others, last]) await queue.submit(job);
    const order = [a![0]!, b![0]!, last, a![1]!, b![1]!, a![2]!];
    for (const [i, { id }] of order.entries()) expect((await queue.get(id))!.position).toBe(i);
    const positions: number[] = [];
    const watching = (async () => {
      for await (const { state, position } of queue.watch(last.id)) if (state === 'IN_QUEUE') positions.push(position);
    })();
    // Who comes later waits for the turn that is on, not for all that wait.
    const late = jobOf('d');
    const begun: string[] = [];
    const work: Work = async job => {
      begun.push(job.id);
      if (begun.length === 1) await queue.submit(late);
      await delay(20);
      return outputOf(job);
    };
    queue.work(work, { concurrency: 1 });
    await watching;
    for (const { id } of [...order, late]) await ended(queue, id);
    expect(begun.filter(id => id !== late.id)).toEqual(order.map(({ id }) => id));
    expect(begun.indexOf(late.id)).toBeLessThan(order.length);
    expect(positions[0]).toBe(2);
    expect(positions).toEqual([...positions].sort((x, y) => y - x));
  });

  test('no more jobs run than may, and all end', async () => {
    await start();
    let now = 0;
    let most = 0;
    const times = new Map<string, number>();
    const work: Work = async job => {
      most = Math.max(most, ++now);
      times.set(job.id, (times.get(job.id) ?? 0) + 1);
      await delay(20);
      now--;
      return outputOf(job);
    };
    queue.work(work, { concurrency: 4 });
    const jobs = Array.from({ length: 200 }, (_, i) => jobOf(`owner ${i % 7}`));
    await Promise.all(jobs.map(job => queue.submit(job)));
    const records = await Promise.all(jobs.map(({ id }) => ended(queue, id)));
    expect(records.map(({ output }) => output)).toEqual(jobs.map(outputOf));
    expect([...times.values()].every(count => count === 1)).toBe(true);
    expect([times.size, most]).toEqual([200, 4]);
  });

  test('a job that waits is cancelled and not begun', async () => {
    await start();
    const [first, second] = [jobOf(), jobOf()];
    await queue.submit(first);
    await queue.submit(second);
    expect(await queue.cancel(first.id)).toBe('CANCELLATION_REQUESTED');
    expect(await queue.cancel(first.id)).toBe('ALREADY_COMPLETED');
    expect((await queue.get(second.id))!.position).toBe(0);
    const gate = new Gate();
    queue.work(gate.work, { concurrency: 1 });
    await gate.end(second.id);
    await ended(queue, second.id);
    const { state, output, failure, attempts } = (await queue.get(first.id))!;
    expect([state, output, failure, attempts]).toEqual(['CANCELLED', undefined, undefined, 0]);
    expect(gate.begun).toEqual([second.id]);
    expect(await queue.cancel(second.id)).toBe('ALREADY_COMPLETED');
  });

  test('a job that runs is cancelled, and the next one has its place', async () => {
    await start();
    const [first, second] = [jobOf(), jobOf()];
    await queue.submit(first);
    await queue.submit(second);
    const gate = new Gate();
    queue.work(gate.work, { concurrency: 1 });
    await vi.waitUntil(() => gate.begun.length === 1, WAIT);
    expect(await queue.cancel(first.id)).toBe('CANCELLATION_REQUESTED');
    expect((await queue.get(first.id))!.state).toBe('CANCELLED');
    await gate.end(second.id);
    expect((await ended(queue, second.id)).output).toEqual(outputOf(second));
    expect(gate.aborted).toEqual([first.id]);
    expect((await queue.get(first.id))!.state).toBe('CANCELLED');
  });

  test('a job that takes too long ends', async () => {
    await start();
    const job = jobOf('', { deadline: Date.now() + 300 });
    await queue.submit(job);
    const gate = new Gate();
    queue.work(gate.work, { concurrency: 1 });
    const { state, failure } = await ended(queue, job.id);
    expect([state, failure]).toEqual(['COMPLETED', { status: 504, detail: 'The request took too long' }]);
    await vi.waitUntil(() => gate.aborted.length === 1, WAIT);
  });

  test('a job that is not begun in time ends, with nobody to work on it, too', async () => {
    await start();
    const [late, never] = [jobOf('', { startBefore: Date.now() + 100 }), jobOf('', { deadline: Date.now() + 100 })];
    await queue.submit(late);
    await queue.submit(never);
    const { failure } = await ended(queue, late.id);
    expect(failure).toEqual({ status: 504, detail: 'The request could not be begun in time' });
    expect((await ended(queue, never.id)).failure).toEqual({ status: 504, detail: 'The request took too long' });
    expect((await queue.counts()).waiting).toBe(0);
  });

  test('one that was begun in time has all of its own', async () => {
    await start();
    const job = jobOf('', { startBefore: Date.now() + 500 });
    await queue.submit(job);
    const gate = new Gate();
    queue.work(gate.work, { concurrency: 1 });
    await inState(queue, job.id, 'IN_PROGRESS');
    await delay(1_600);
    await gate.end(job.id);
    expect((await ended(queue, job.id)).output).toEqual(outputOf(job));
  });

  test('no more of one owner wait than may, whatever becomes of them', async () => {
    await start({ limit: 100, limitPerOwner: 2 });
    const submitted = [jobOf('a'), jobOf('a')];
    for (const job of submitted) await queue.submit(job);
    const refused = () => expect(queue.submit(jobOf('a'))).rejects.toBeInstanceOf(QueueFullError);
    await refused();
    const other = jobOf('b');
    await queue.submit(other);
    expect(await queue.cancel(submitted[0]!.id)).toBe('CANCELLATION_REQUESTED');
    const next = jobOf('a');
    await queue.submit(next);
    await refused();
    queue.work(quick, { concurrency: 1 });
    for (const { id } of [submitted[1]!, next, other]) await ended(queue, id);
    for (let i = 0; i < 2; i++) await queue.submit(jobOf('a'));
  });

  test('no more wait than may, however many come at once', async () => {
    await start({ limit: 3 });
    const jobs = Array.from({ length: 8 }, () => jobOf());
    const outcomes = await Promise.allSettled(jobs.map(job => queue.submit(job)));
    const reasons = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(reasons.length).toBe(5);
    for (const error of reasons) {
      expect(error).toBeInstanceOf(QueueFullError);
      expect(error.retryAfter).toBeGreaterThanOrEqual(1);
    }
    const refused = jobs.filter((_, i) => outcomes[i]!.status === 'rejected');
    for (const { id } of refused) expect(await queue.get(id)).toBeUndefined();
    queue.work(quick, { concurrency: 1 });
    for (const { id } of jobs.filter(job => !refused.includes(job))) await ended(queue, id);
    await queue.submit(jobOf());
  });

  test('counts those that wait and run', async () => {
    await start();
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0 });
    const jobs = [jobOf('a'), jobOf('b'), jobOf('a')];
    for (const job of [...jobs].reverse()) await queue.submit(job);
    expect(await queue.counts()).toEqual({ waiting: 3, active: 0, oldestWaiting: jobs[0]!.createdAt });
    const gate = new Gate();
    queue.work(gate.work, { concurrency: 2 });
    await vi.waitUntil(async () => (await queue.counts()).active === 2, WAIT);
    expect((await queue.counts()).waiting).toBe(1);
  });

  test('tells of each job that has ended, however it did', async () => {
    await start();
    const [done, fails, cancelled, late] = [jobOf(), jobOf(), jobOf(), jobOf('', { deadline: Date.now() + 50 })];
    await queue.submit(late);
    await ended(queue, late.id);
    for (const job of [done, fails, cancelled]) await queue.submit(job);
    await queue.cancel(cancelled.id);
    const work: Work = async job => {
      if (job.id === fails.id) throw new JobError(422, 'no');
      return outputOf(job);
    };
    const told = tells(queue, work, record => record);
    await ended(queue, done.id);
    await ended(queue, fails.id);
    // Who had ended before there was somebody to tell it is told where it asked for it.
    const ids = () => new Set(told.map(({ id }) => id));
    await vi.waitUntil(() => [done, fails].every(({ id }) => ids().has(id)), WAIT);
    expect(told.find(({ id }) => id === done.id)).toEqual(await queue.get(done.id));
    expect(told.find(({ id }) => id === fails.id)!.failure).toEqual({ status: 422, detail: 'no' });
    expect(told.length).toBe(ids().size);
  });

  test('who asked for it is told of the end after a restart', async () => {
    await start();
    const webhook = 'https://hooks.example';
    const [late, cancelled] = [jobOf('', { webhook, deadline: Date.now() + 50 }), jobOf('', { webhook })];
    await queue.submit(late);
    await queue.submit(cancelled);
    await queue.cancel(cancelled.id);
    await ended(queue, late.id);
    await queue.close();
    await start();
    const told = tells(queue, quick, ({ id }) => id);
    await vi.waitUntil(() => told.length === 2, WAIT);
    expect(told.sort()).toEqual([late.id, cancelled.id].sort());
  });

  test('closing waits for the jobs that run, and takes no more', async () => {
    await start();
    const [first, second] = [jobOf(), jobOf()];
    await queue.submit(first);
    await queue.submit(second);
    const gate = new Gate();
    queue.work(gate.work, { concurrency: 1 });
    await gate.begin(first.id);
    const closing = queue.close({ deadline: 10_000 });
    await expect(queue.submit(jobOf())).rejects.toMatchObject({ status: 503 });
    await gate.end(first.id);
    await closing;
    expect([gate.begun, gate.aborted]).toEqual([[first.id], []]);
    await start();
    expect((await queue.get(first.id))!.output).toEqual(outputOf(first));
    expect((await queue.get(second.id))!.state).toBe('IN_QUEUE');
  });

  test('what has not ended by the deadline of closing is done by the next one, and not counted as begun', async () => {
    await start();
    const jobs = [jobOf('a'), jobOf('b'), jobOf('a')];
    for (const job of jobs) await queue.submit(job);
    const gate = new Gate();
    queue.work(gate.work, { concurrency: 2 });
    await gate.begin(jobs[1]!.id);
    await gate.begin(jobs[0]!.id);
    await queue.close({ deadline: 50 });
    expect(gate.aborted.sort()).toEqual([jobs[0]!.id, jobs[1]!.id].sort());
    await start();
    for (const { id } of jobs) expect(await queue.get(id)).toMatchObject({ state: 'IN_QUEUE', attempts: 0 });
    queue.work(quick, { concurrency: 1 });
    for (const job of jobs) expect(await ended(queue, job.id)).toMatchObject({ output: outputOf(job), attempts: 1 });
  });

  test('a queue that is opened again answers for those that have ended', async () => {
    await start();
    const [done, fails] = [jobOf(), jobOf()];
    await queue.submit(done);
    await queue.submit(fails);
    queue.work(
      async (job, { log }) => {
        log(line('one'));
        if (job.id === fails.id) throw new JobError(413, 'too large');
        return outputOf(job);
      },
      { concurrency: 1 },
    );
    const records = [await ended(queue, done.id), await ended(queue, fails.id)];
    await queue.close();
    await start();
    expect([await queue.get(done.id), await queue.get(fails.id)]).toEqual(records);
    expect(await ended(queue, done.id)).toEqual(records[0]);
  });

  test('of those that have ended only the last are kept', async () => {
    await start({ maxEnded: 2 });
    queue.work(quick, { concurrency: 1 });
    const jobs = [jobOf(), jobOf(), jobOf(), jobOf()];
    for (const job of jobs) {
      await queue.submit(job);
      await ended(queue, job.id);
    }
    const kept = await Promise.all(jobs.map(async ({ id }) => (await queue.get(id)) !== undefined));
    expect(kept).toEqual([false, false, true, true]);
  });
}

describe('in files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codeformer-queue-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  contract(async options => new LocalQueue({ folder, ...options }));
});

withRedis('on Redis', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let name = '';
  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(() => {
    name = `test-${made++}`;
  });
  afterAll(() => redis.stop());
  const open = (options?: RedisQueueOptions) => openRedisQueue(redis.url, { name, lost: 2_000, ...options });

  contract(open);

  const opened: JobQueue[] = [];
  const start = async (options?: RedisQueueOptions) => {
    const queue = await open(options);
    opened.push(queue);
    return queue;
  };
  afterEach(async () => {
    for (const queue of opened.splice(0)) await queue.close();
  });

  test('queues of other names know nothing of each other', async () => {
    const [one, two] = [await start(), await start({ name: `${name}-other` })];
    const job = jobOf();
    await one.submit(job);
    expect(await two.get(job.id)).toBeUndefined();
    expect(await two.counts()).toEqual({ waiting: 0, active: 0 });
    two.work(quick, { concurrency: 1 });
    await delay(100);
    expect((await one.get(job.id))!.state).toBe('IN_QUEUE');
  });

  test('many workers share the jobs, each of which is done and told once', async () => {
    const server = await start();
    const done = new Map<string, number>();
    const told = new Map<string, number>();
    const workers = await Promise.all([start(), start(), start()]);
    const counts = workers.map(() => 0);
    for (const [i, worker] of workers.entries())
      worker.work(
        async job => {
          counts[i]!++;
          done.set(job.id, (done.get(job.id) ?? 0) + 1);
          await delay(10);
          return outputOf(job);
        },
        {
          concurrency: 2,
          finished: async ({ id }) => {
            told.set(id, (told.get(id) ?? 0) + 1);
          },
        },
      );
    const jobs = Array.from({ length: 60 }, (_, i) => jobOf(String(i % 3)));
    await Promise.all(jobs.map(job => server.submit(job)));
    for (const job of jobs) expect((await ended(server, job.id)).output).toEqual(outputOf(job));
    await vi.waitUntil(() => told.size === 60, WAIT);
    expect([...done.values(), ...told.values()].every(count => count === 1)).toBe(true);
    expect(done.size).toBe(60);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  test('a cancelled job ends on the worker that has it, also where the message is lost', async () => {
    const [server, worker] = [await start(), await start()];
    const gate = new Gate();
    worker.work(gate.work, { concurrency: 2 });
    const [first, second] = [jobOf(), jobOf()];
    for (const job of [first, second]) await server.submit(job);
    await vi.waitUntil(() => gate.begun.length === 2, WAIT);
    await server.cancel(first.id);
    await vi.waitUntil(() => gate.aborted.includes(first.id), WAIT);
    await command(redis.url, 'client', 'kill', 'type', 'pubsub');
    await server.cancel(second.id);
    await vi.waitUntil(() => gate.aborted.includes(second.id), WAIT);
    expect([(await server.get(first.id))!.state, (await server.get(second.id))!.state]).toEqual([
      'CANCELLED',
      'CANCELLED',
    ]);
  });

  test('who watches sees the end also where messages are lost', async () => {
    const [server, worker] = [await start(), await start()];
    const gate = new Gate();
    worker.work(gate.work, { concurrency: 1 });
    const job = jobOf();
    await server.submit(job);
    const watching = ended(server, job.id);
    await vi.waitUntil(() => gate.begun.length === 1, WAIT);
    await command(redis.url, 'client', 'kill', 'type', 'pubsub');
    await gate.end(job.id);
    expect((await watching).output).toEqual(outputOf(job));
  });

  test('a worker that is killed loses no job: another one begins it again, and it ends once', async () => {
    const server = await start();
    const job = jobOf();
    await server.submit(job);
    const killed = await killable(redis.url, name);
    await vi.waitUntil(async () => (await server.get(job.id))!.logs.length === 1, WAIT);
    killed.kill();
    const worker = await start();
    const told = tells(worker, quick, ({ id }) => id);
    expect(await ended(server, job.id)).toMatchObject({ output: outputOf(job), attempts: 2 });
    await vi.waitUntil(() => told.length === 1, WAIT);
    expect(await server.counts()).toEqual({ waiting: 0, active: 0 });
  });

  test('a job that ends two workers is not tried on a third', async () => {
    const server = await start();
    const job = jobOf();
    await server.submit(job);
    for (const attempt of [1, 2]) {
      const killed = await killable(redis.url, name);
      await vi.waitUntil(async () => (await server.get(job.id))!.attempts === attempt, WAIT);
      killed.kill();
    }
    const worker = await start();
    const gate = new Gate();
    worker.work(gate.work, { concurrency: 1 });
    const { failure } = await ended(server, job.id);
    expect(failure).toEqual({ status: 500, detail: 'The server ended 2 times while this was worked on' });
    expect(gate.begun).toEqual([]);
  });

  test('a worker that was lost and comes back does not end what another has begun', async () => {
    const [server, lost] = [await start(), await start()];
    const gate = new Gate();
    lost.work(gate.work, { concurrency: 1 });
    const job = jobOf();
    await server.submit(job);
    await vi.waitUntil(() => gate.begun.length === 1, WAIT);
    // As where it had no connection for so long that its job was given to another.
    const keys = (await command(redis.url, 'keys', `{${name}}:*:lock`)) as string[];
    await command(redis.url, 'set', keys[0]!, 'another');
    await command(redis.url, 'hset', `{${name}}:job:${job.id}`, 'token', 'another');
    await vi.waitUntil(() => gate.aborted.length === 1, WAIT);
    expect(await server.get(job.id)).toMatchObject({ state: 'IN_PROGRESS' });
  });

  test('an end that a process died over is told by another', async () => {
    const server = await start();
    const job = jobOf();
    const killed = await killable(redis.url, name, 'dies telling');
    await server.submit(job);
    await killed.ended;
    const worker = await start();
    const told = tells(worker, quick, ({ id }) => id);
    await vi.waitUntil(() => told.length === 1, WAIT);
    expect((await server.get(job.id))!.output).toEqual(outputOf(job));
  });

  test('jobs that BullMQ does not know any more are handed out again', async () => {
    const server = await start({ lost: 500 });
    const job = jobOf();
    await server.submit(job);
    await command(redis.url, 'del', `{${name}}:restore:prioritized`, `{${name}}:restore:${job.id}`);
    server.work(quick, { concurrency: 1 });
    expect((await ended(server, job.id)).output).toEqual(outputOf(job));
  });

  test('what has ended is forgotten after its time', async () => {
    const server = await start({ maxAge: 300 });
    server.work(quick, { concurrency: 1, finished: async () => {} });
    const job = jobOf('', { notes: [line('note')] });
    await server.submit(job);
    await ended(server, job.id);
    await vi.waitUntil(async () => (await server.get(job.id)) === undefined, WAIT);
    await server.submit(jobOf());
    await vi.waitUntil(async () => (await command(redis.url, 'keys', `{${name}}:job:*`)).length === 0, WAIT);
    const left = (await command(redis.url, 'keys', `{${name}}:*`)) as string[];
    expect(left.filter(key => key.includes(job.id))).toEqual([]);
  });

  test.each([
    ['stops and starts again', () => redis.service.stop('SIGKILL'), () => redis.service.start()],
    ['does not answer for a while', () => redis.service.signal('SIGSTOP'), () => redis.service.signal('SIGCONT')],
  ])('Redis %s: who asks is told to try again, jobs go on, nothing is lost', async (_, away, back) => {
    const errors: unknown[] = [];
    const [server, worker] = [await start({ onError: error => errors.push(error) }), await start({ lost: 30_000 })];
    const gate = new Gate();
    const told = tells(worker, gate.work, ({ id }) => id, 2);
    const [first, second, waiting] = [jobOf('a'), jobOf('a'), jobOf('a')];
    for (const job of [first, second, waiting]) await server.submit(job);
    await vi.waitUntil(() => gate.begun.length === 2, WAIT);
    const watched = [first, second, waiting].map(({ id }) => ended(server, id));
    await away();
    try {
      const refused = { status: 503, retryAfter: 5 };
      const lost = jobOf('b');
      const calls = [server.submit(lost), server.get(first.id), server.cancel(first.id), server.counts()];
      await Promise.all(calls.map(call => expect(call).rejects.toMatchObject(refused)));
      await gate.end(first.id);
      await delay(10_000);
    } finally {
      await back();
    }
    await gate.end(second.id);
    await gate.end(waiting.id);
    const records = await Promise.all(watched);
    expect(records.map(({ output, attempts }) => [output, attempts])).toEqual(
      [first, second, waiting].map(job => [outputOf(job), 1]),
    );
    expect(gate.begun).toEqual([first.id, second.id, waiting.id]);
    const late = jobOf('b');
    await server.submit(late);
    await gate.end(late.id);
    await ended(server, late.id);
    expect(gate.begun.length).toBe(4);
    await vi.waitUntil(() => told.length === 4, WAIT);
    expect(new Set(told).size).toBe(4);
    expect(await server.counts()).toEqual({ waiting: 0, active: 0 });
  });

  test('a server that closes while Redis is gone does not wait for it', async () => {
    const server = await start();
    server.work(quick, { concurrency: 1 });
    await redis.service.signal('SIGSTOP');
    try {
      await server.close({ deadline: 100 });
    } finally {
      await redis.service.signal('SIGCONT');
    }
  });
});

describe('addresses of Redis', () => {
  test.each(['', 'localhost', 'http://localhost:6379', 'redis'])('%j is refused', async url => {
    await expect(openRedisQueue(url)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('where there is no Redis that is said, without the password', async () => {
    const error = await openRedisQueue(`redis://user:secret@127.0.0.1:${await freePort()}`).catch(error => error);
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.message).toMatch(/^Redis at 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/);
    expect(error.message).not.toContain('secret');
  });
});

/** Runs a command of Redis. */
async function command(url: string, name: string, ...args: string[]): Promise<string[]> {
  const redis = new Redis(url);
  try {
    return (await redis.call(name, ...args)) as string[];
  } finally {
    redis.disconnect();
  }
}

/** A process that works on the jobs of a queue, and never ends one; or that ends one, and dies when it should tell it. */
async function killable(url: string, name: string, how = 'hangs'): Promise<{ kill(): void; ended: Promise<unknown> }> {
  const script = fileURLToPath(new URL('./queue-worker.ts', import.meta.url));
  const runner = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url));
  const child = spawn(process.execPath, [runner, script, url, name, how], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return { kill: () => child.kill('SIGKILL'), ended: once(child, 'exit') };
}
