// A queue on Redis, for any number of servers and workers. BullMQ hands out the jobs, and hands them out again where a worker is lost;
// what became of them is in records (see redis-scripts.ts).

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type * as Bull from 'bullmq';
import type { Redis } from 'ioredis';
import { onAbort, untilAborted } from '../../abort.js';
import { CodeFormerError, invalidArgument } from '../../errors.js';
import { JobError, QueueFullError, QueueUnavailableError } from '../errors.js';
import { optionalPackage } from '../optional.js';
import type {
  Job,
  JobFailure,
  JobOutput,
  JobQueue,
  JobRecord,
  JobState,
  LogLine,
  Work,
  WorkOptions,
} from '../types.js';
import { defineScripts, runScript, type Script } from './redis-scripts.js';
import { ENDED_PROCESSES, GRACE, isOver, MOST_ATTEMPTS, type QueueOptions, queueRules } from './rules.js';

/** What a queue on Redis keeps, and how its workers are watched. */
export interface RedisQueueOptions extends QueueOptions {
  /** Milliseconds without a sign of life after which a worker counts as lost. Default 30,000. */
  readonly lost?: number | undefined;
  /** Begins the names of all keys: queues of other names know nothing of each other. Default `codeformer`. */
  readonly name?: string | undefined;
}

/** Milliseconds that a server waits for Redis before it says that it cannot be reached. */
const PATIENCE = 3_000;

/** Milliseconds between times when jobs are looked for that are late, lost or not told. */
const SWEEP = 1_000;

const CLOSING = Symbol('closing');

/** In the place of the id of a job: there may be news of each. */
const ALL = '';

const failed = (status: number, detail: string): string => JSON.stringify({ status, detail } satisfies JobFailure);
const NOT_BEGUN = failed(504, 'The request could not be begun in time');
const TOO_LONG = failed(504, 'The request took too long');
const ENDED_WORKERS = JSON.stringify(ENDED_PROCESSES);

/**
 * Opens a queue.
 * @param url `redis://user:password@host:port/database`, or with `rediss` by TLS
 * @throws `INVALID_ARGUMENT`; `PACKAGE_MISSING` without `bullmq` and `ioredis`; `SERVICE_UNAVAILABLE` where Redis cannot be reached
 */
export async function openRedisQueue(url: string, options: RedisQueueOptions = {}): Promise<JobQueue> {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol))
    throw invalidArgument(
      'redis://host:port or rediss://host:port',
      'the address of Redis',
      url.replace(/\/\/.*@/, '//***@'),
    );
  const what = 'a queue on Redis';
  const bull = await optionalPackage('bullmq', what, () => import('bullmq'));
  const { Redis: Connection } = await optionalPackage('ioredis', what, () => import('ioredis'));
  const common = { lazyConnect: true, retryStrategy: (times: number) => Math.min(50 * times, 1_000) };
  const connections: Connections = {
    // Who asks is told at once that Redis is gone.
    prompt: new Connection(url, {
      ...common,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: PATIENCE,
    }),
    // What has to be recorded waits until Redis is back.
    patient: new Connection(url, { ...common, maxRetriesPerRequest: null }),
    listening: new Connection(url, { ...common, maxRetriesPerRequest: null }),
  };
  const all = Object.values(connections);
  let reason: unknown;
  // Errors of connections that are tried again are no ends.
  for (const redis of all)
    redis.on('error', (error: unknown) => {
      reason = error;
      options.onError?.(error);
    });
  try {
    await Promise.race([
      Promise.all(all.map(redis => redis.connect())),
      delay(PATIENCE, undefined, { ref: false }).then(() => Promise.reject(new Error('no answer'))),
    ]);
  } catch (error) {
    for (const redis of all) redis.disconnect();
    const { host } = new URL(url);
    const cause = reason ?? error;
    throw new CodeFormerError(
      'SERVICE_UNAVAILABLE',
      `Redis at ${host} cannot be reached: ${(cause as Error).message}`,
      { cause },
    );
  }
  return new RedisQueue(bull, connections, options);
}

interface Connections {
  readonly prompt: Redis;
  readonly patient: Redis;
  readonly listening: Redis;
}

/** A job that this process works on. */
interface Running {
  readonly token: string;
  readonly controller: AbortController;
}

class RedisQueue implements JobQueue {
  private readonly name: string;
  private readonly base: string;
  private readonly lost: number;
  private readonly limits: readonly [maxAge: number, maxEnded: number];
  private readonly queue: Bull.Queue;
  private readonly sweeper: NodeJS.Timeout;
  private readonly running = new Map<string, Running>();
  private readonly telling = new Set<Promise<void>>();
  private readonly watchers = new Set<(id: string) => void>();
  private worker: Bull.Worker | null = null;
  private finished: WorkOptions['finished'];
  private closing: Promise<void> | null = null;
  private sweeping = false;
  private repaired = Date.now();
  /** Each waits for the one before, so that no more jobs come than there are places. */
  private submitting: Promise<unknown> = Promise.resolve();
  /** Milliseconds that the last jobs of this process took. */
  private lasted = 5_000;

  constructor(
    private readonly bull: typeof Bull,
    private readonly connections: Connections,
    private readonly options: RedisQueueOptions,
  ) {
    this.name = options.name ?? 'codeformer';
    // The braces keep all keys on one node of a cluster.
    this.base = `{${this.name}}:`;
    this.lost = options.lost ?? 30_000;
    const { maxAge, maxEnded } = queueRules(options);
    this.limits = [maxAge, maxEnded];
    defineScripts(connections.prompt);
    defineScripts(connections.patient);
    this.queue = new bull.Queue('restore', this.bullOptions(connections.prompt));
    this.queue.on('error', error => this.tellError(error));
    const { listening } = connections;
    listening.on('message', (channel: string, id: string) => {
      if (channel === `${this.base}ended`) this.hearEnd(id);
      for (const watcher of this.watchers) watcher(id);
    });
    listening.subscribe(`${this.base}ended`, `${this.base}changed`).catch(error => this.tellError(error));
    // What was said while the connection was away was not heard.
    listening.on('ready', () => {
      for (const watcher of this.watchers) watcher(ALL);
      void this.sweep();
    });
    this.sweeper = setInterval(() => void this.sweep(), SWEEP);
    this.sweeper.unref();
  }

  /** Adds a job, and resolves when it is sure to be done. */
  async submit(job: Job): Promise<JobRecord> {
    if (this.closing) throw new JobError(503, 'The server is stopping');
    const adding = this.submitting.then(() => this.add(job));
    this.submitting = adding.catch(() => {});
    return adding;
  }

  /** The job of an id, while it is kept. */
  async get(id: string): Promise<JobRecord | undefined> {
    const [fields, logs, place] = (await this.ask('readJob', id)) as [string[], string[], number];
    const hash: Record<string, string> = {};
    for (let i = 0; i < fields.length; i += 2) hash[fields[i]!] = fields[i + 1]!;
    const { job, state, attempts, startedAt, finishedAt, output, failure } = hash;
    if (job === undefined) return undefined;
    return {
      ...(JSON.parse(job) as Job),
      state: state as JobState,
      position: place,
      logs: logs.map(line => JSON.parse(line) as LogLine),
      attempts: Number(attempts),
      ...(startedAt !== undefined && { startedAt: Number(startedAt) }),
      ...(finishedAt !== undefined && { finishedAt: Number(finishedAt) }),
      ...(output !== undefined && { output: JSON.parse(output) as JobOutput }),
      ...(failure !== undefined && { failure: JSON.parse(failure) as JobFailure }),
    };
  }

  /** Ends a job that waits or runs. */
  async cancel(id: string): Promise<'CANCELLATION_REQUESTED' | 'ALREADY_COMPLETED' | 'NOT_FOUND'> {
    if (!(await this.get(id))) return 'NOT_FOUND';
    const isEnded = await this.ask('endJob', id, '', 'CANCELLED' satisfies JobState, '', '', ...this.limits);
    if (isEnded !== 1) return 'ALREADY_COMPLETED';
    await this.takeBack([id]);
    return 'CANCELLATION_REQUESTED';
  }

  /** The job now and after each change, until it has ended. While Redis is gone nothing changes. */
  async *watch(id: string, signal?: AbortSignal): AsyncIterable<JobRecord> {
    let last = '';
    let isWaiting = true;
    const news = this.listen(id);
    const stop = onAbort(signal, () => news.wake());
    try {
      while (!signal?.aborted) {
        news.reset();
        try {
          const record = await this.get(id);
          if (!record) return;
          const text = JSON.stringify(record);
          if (text !== last) yield record;
          last = text;
          if (isOver(record.state)) return;
          isWaiting = record.state === 'IN_QUEUE';
        } catch (error) {
          if (!(error instanceof QueueUnavailableError)) throw error;
        }
        if (!signal?.aborted) await news.next(isWaiting);
      }
    } finally {
      news.end();
      stop();
    }
  }

  /** Starts to do jobs, and to tell the ends of all jobs. */
  work(work: Work, { concurrency, finished }: WorkOptions): void {
    const { patient } = this.connections;
    this.finished = finished;
    this.worker = new this.bull.Worker('restore', (job, token) => this.process(work, job, token), {
      ...this.bullOptions(patient),
      concurrency,
      lockDuration: this.lost,
      stalledInterval: Math.ceil(this.lost / 3),
      // How often a job may be begun is counted in its record.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      runRetryDelay: 1_000,
    });
    this.worker.on('error', error => this.tellError(error));
    void this.tellEnds();
  }

  /** Jobs that wait, and that run. */
  async counts(): Promise<{ waiting: number; active: number; oldestWaiting?: number }> {
    const [waiting, active, oldest] = (await this.ask('countJobs')) as [number, number, string];
    return { waiting, active, ...(oldest !== '' && { oldestWaiting: Number(oldest) }) };
  }

  /** Waits for the jobs that run here, until the deadline, and gives back the others. */
  close({ deadline = 0 }: { deadline?: number | undefined } = {}): Promise<void> {
    this.closing ??= this.finish(deadline);
    return this.closing;
  }

  private async finish(deadline: number): Promise<void> {
    clearInterval(this.sweeper);
    const { worker } = this;
    // Takes no more, and waits for those that it has.
    const idle = worker?.close().catch(error => this.tellError(error)) ?? Promise.resolve();
    await within(deadline, idle);
    for (const { controller } of this.running.values()) controller.abort(CLOSING);
    await within(2 * GRACE, idle);
    await within(deadline, Promise.allSettled(this.telling));
    await within(GRACE, Promise.allSettled([this.submitting, this.queue.close()]));
    for (const redis of Object.values(this.connections)) redis.disconnect();
  }

  private bullOptions(connection: Redis): Bull.QueueOptions {
    return { connection, prefix: `{${this.name}}` };
  }

  private async add(job: Job): Promise<JobRecord> {
    const { id, owner, createdAt, deadline, startBefore = deadline, notes = [] } = job;
    const { limit, limitPerOwner } = queueRules(this.options);
    const times = [createdAt, deadline, Math.min(deadline, startBefore)];
    const lines = notes.map(line => JSON.stringify(line));
    try {
      const turn = await this.ask(
        'submitJob',
        id,
        JSON.stringify(job),
        owner,
        ...times,
        limit,
        limitPerOwner,
        ...lines,
      );
      if (turn === 0) throw new QueueFullError(Math.ceil(this.lasted / 1000));
      await this.handOut(id, Number(turn));
      const record = await this.get(id);
      if (!record) throw new QueueUnavailableError();
      return record;
    } catch (error) {
      // Whatever became of it, nobody will ask for it.
      if (!(error instanceof QueueFullError)) void this.record('dropJob', id).catch(() => {});
      throw error;
    }
  }

  /** Gives a job to BullMQ, where it is not there yet. */
  private async handOut(id: string, turn: number): Promise<void> {
    const options = {
      jobId: id,
      priority: turn,
      attempts: 1_000,
      backoff: 1_000,
      removeOnComplete: true,
      removeOnFail: true,
    };
    await this.reaching(this.queue.add('restore', null, options));
  }

  /** Takes jobs from BullMQ that wait no more. What does not work is left to workers, which find nothing to do. */
  private async takeBack(ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.queue.remove(id).catch(() => {});
  }

  /** Does a job that BullMQ hands out. */
  private async process(work: Work, handed: Bull.Job, handedToken: string | undefined): Promise<void> {
    const id = handed.id!;
    const token = randomUUID();
    const begun = (await this.record('beginJob', id, token, MOST_ATTEMPTS, ENDED_WORKERS, ...this.limits)) as
      | [string, string]
      | null;
    if (!begun) return;
    const job = JSON.parse(begun[0]) as Job;
    const controller = new AbortController();
    const { signal } = controller;
    this.running.set(id, { token, controller });
    const startedAt = Date.now();
    let lines = 0;
    const log = (line: LogLine) => {
      this.record('logJob', id, token, ++lines, JSON.stringify(line)).catch(error => this.tellError(error));
    };
    const end = (output: string, failure: string) =>
      this.record('endJob', id, token, 'COMPLETED' satisfies JobState, output, failure, ...this.limits);
    try {
      // What was ended or given back meanwhile is not known from messages.
      if (this.closing) controller.abort(CLOSING);
      const output = await unlessAborted(work(job, { log, signal }), signal);
      this.lasted = Date.now() - startedAt;
      await end(JSON.stringify(output), '');
    } catch (error) {
      if (signal.reason === CLOSING) {
        await this.record('giveBackJob', id, token);
        await handed.moveToWait(handedToken);
        throw new this.bull.WaitingError();
      }
      // It has been ended by others.
      if (signal.aborted) return;
      const failure = error instanceof JobError ? error.failure : { status: 500, detail: 'Internal error' };
      if (failure.status >= 500) this.tellError(error);
      await end('', JSON.stringify(failure));
    } finally {
      this.running.delete(id);
    }
  }

  private hearEnd(id: string): void {
    this.running.get(id)?.controller.abort();
    void this.tellEnds();
  }

  /** Looks for what no message says: jobs that are late, that others run, that BullMQ has lost, whose ends are not told. */
  private async sweep(): Promise<void> {
    if (this.closing || this.sweeping || this.connections.patient.status !== 'ready') return;
    this.sweeping = true;
    try {
      const waited = (await this.record('endLate', NOT_BEGUN, TOO_LONG, ...this.limits)) as string[];
      await this.takeBack(waited);
      const pairs = [...this.running].flatMap(([id, { token }]) => [id, token]);
      for (const id of (await this.record('lostJobs', ...pairs)) as string[]) this.running.get(id)?.controller.abort();
      await this.tellEnds();
      if (Date.now() - this.repaired >= this.lost) await this.repair();
    } catch (error) {
      this.tellError(error);
    } finally {
      this.sweeping = false;
    }
  }

  /** Hands out jobs again that have not ended and that BullMQ does not know: a process may have ended, or Redis, in between. */
  private async repair(): Promise<void> {
    this.repaired = Date.now();
    const found = (await this.record('openJobs')) as string[];
    for (let i = 0; i < found.length; i += 2) {
      const [id, turn] = [found[i]!, Number(found[i + 1])];
      if (!(await this.queue.getJob(id))) await this.handOut(id, turn);
    }
  }

  /** Begins to tell all ends that are to be told. */
  private async tellEnds(): Promise<void> {
    const { finished } = this;
    try {
      while (finished && !this.closing && this.telling.size < 100) {
        const id = (await this.record('claimEnd', this.lost)) as string | null;
        if (id === null) return;
        const telling = this.tellEnd(id, finished).finally(() => this.telling.delete(telling));
        this.telling.add(telling);
      }
    } catch (error) {
      this.tellError(error);
    }
  }

  private async tellEnd(id: string, finished: NonNullable<WorkOptions['finished']>): Promise<void> {
    const keep = setInterval(() => this.record('keepEnd', id, this.lost).catch(() => {}), this.lost / 3);
    try {
      const record = await this.get(id);
      if (record) await finished(record);
      await this.connections.patient.zrem(`${this.base}untold`, id);
    } catch (error) {
      this.tellError(error);
    } finally {
      clearInterval(keep);
    }
  }

  /** Messages about a job, and about others. */
  private listen(id: string) {
    let heard = false;
    let others = false;
    let wake = () => {};
    const watcher = (other: string) => {
      if (other === id || other === ALL) heard = true;
      else others = true;
      wake();
    };
    this.watchers.add(watcher);
    return {
      reset() {
        heard = false;
        others = false;
      },
      wake() {
        heard = true;
        wake();
      },
      end: () => this.watchers.delete(watcher),
      /** Resolves with the next message about the job, or in a while: where it waits also soon after one about others. */
      next: (isWaiting: boolean) =>
        new Promise<void>(resolve => {
          const timers = [setTimeout(() => done(), 5 * SWEEP)];
          let moving = false;
          const done = () => {
            for (const timer of timers) clearTimeout(timer);
            wake = () => {};
            resolve();
          };
          wake = () => {
            if (heard) return done();
            if (!others || !isWaiting || moving) return;
            moving = true;
            timers.push(setTimeout(done, SWEEP / 4));
          };
          wake();
        }),
    };
  }

  /** Asks at once. Throws `QueueUnavailableError`. */
  private ask(script: Script, ...args: (string | number)[]): Promise<unknown> {
    return this.reaching(runScript(this.connections.prompt, script, this.base, ...args));
  }

  /** Records something, as soon as Redis can be reached. */
  private record(script: Script, ...args: (string | number)[]): Promise<unknown> {
    return runScript(this.connections.patient, script, this.base, ...args);
  }

  private async reaching<T>(request: Promise<T>): Promise<T> {
    return request.catch(cause => {
      throw new QueueUnavailableError({ cause });
    });
  }

  private tellError(error: unknown): void {
    if (!this.closing) this.options.onError?.(error);
  }
}

/** The result of some work; its end is waited for only for a while where the signal is aborted, and then is that. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {});
  await Promise.race([work.catch(() => {}), untilAborted(signal).then(() => delay(GRACE))]);
  signal.throwIfAborted();
  return work;
}

/** Waits, but not for longer than so many milliseconds. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const timeout = new AbortController();
  await Promise.race([work, delay(ms, undefined, { signal: timeout.signal }).catch(() => {})]);
  timeout.abort();
}
