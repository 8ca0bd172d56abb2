// Who does jobs: threads on shared memory, or whoever asks.

import { onAbort } from '../abort.js';
import { CodeFormerError, throwIfAborted } from '../errors.js';
import { type BoundJob, CONTROL, ENDED, type ThreadNews, type ThreadStart, type ThreadWork } from './jobs.js';
import type { instantiate } from './thread.js';

/** A thread of the platform that runs `Thread`. */
export interface PlatformThread {
  post(work: ThreadWork): void;
  /** Whether the process stays for it. */
  hold(busy: boolean): void;
  stop(): void;
}

/** How a thread is started. */
export type StartThread = (
  start: ThreadStart,
  on: { news(news: ThreadNews): void; failure(reason: string): void },
) => PlatformThread;

/** How jobs are done and who hears of it. */
export interface JobOptions {
  readonly signal?: AbortSignal | undefined;
  /** Gets how many jobs are done, now and then. */
  readonly onJobs?: ((done: number) => void) | undefined;
}

/** Does jobs one after another. Work never overlaps: who calls waits for the end. */
export interface Workers {
  readonly threads: number;
  /** @throws `ABORTED`, `GPU_ERROR` where a kernel fails, `WORKER_FAILED` where a thread ends by itself; the next call starts new ones */
  run(jobs: readonly BoundJob[], options: JobOptions): Promise<void>;
  stop(): void;
}

const failed = (reason: string): CodeFormerError => new CodeFormerError('GPU_ERROR', `A kernel failed: ${reason}`);

/** Threads that share memory, started when there is work. */
export class ThreadPool implements Workers {
  private pool: PlatformThread[] = [];
  private news: (index: number, news: ThreadNews) => void = () => {};
  private failure: (reason: string) => void = () => {};
  private readonly control: Int32Array;

  /** @param locals addresses of the memory that each thread has for itself */
  constructor(
    private readonly start: ThreadStart,
    private readonly locals: () => readonly number[],
    private readonly startThread: StartThread,
  ) {
    this.control = new Int32Array(start.memory.buffer, start.control, Object.keys(CONTROL).length);
  }

  get threads(): number {
    return this.start.threads;
  }

  /** Posts the jobs to all threads and waits until the last one is done. */
  async run(jobs: readonly BoundJob[], { signal, onJobs }: JobOptions): Promise<void> {
    if (this.pool.length === 0) this.startAll();
    this.control.fill(0);
    const unhear = onAbort(signal, () => Atomics.store(this.control, CONTROL.abort, 1));
    const { pool } = this;
    for (const thread of pool) thread.hold(true);
    try {
      await new Promise<void>((resolve, reject) => {
        let running = pool.length;
        let error: string | null = null;
        this.failure = reason => {
          this.stop();
          reject(new CodeFormerError('WORKER_FAILED', `A thread ended: ${reason}`));
        };
        this.news = (_, news) => {
          if (news.kind === 'progress') {
            try {
              onJobs?.(news.jobs);
            } catch (thrown) {
              // As it would on a single thread; the others are told to stop.
              Atomics.store(this.control, CONTROL.abort, 1);
              reject(thrown);
            }
            return;
          }
          error ??= news.error;
          if (--running > 0) return;
          if (error) reject(failed(error));
          else resolve();
        };
        const locals = this.locals();
        for (const [i, thread] of pool.entries()) thread.post({ jobs, local: locals[i]! });
      });
    } finally {
      unhear();
      for (const thread of pool) thread.hold(false);
    }
    throwIfAborted(signal);
  }

  stop(): void {
    // Whoever waits for one that has ended goes on.
    Atomics.store(this.control, CONTROL.done, ENDED);
    Atomics.notify(this.control, CONTROL.done);
    for (const thread of this.pool) thread.stop();
    this.pool = [];
  }

  private startAll(): void {
    const begin = (_: unknown, index: number): PlatformThread => {
      const current = (thread: PlatformThread) => this.pool.includes(thread);
      const thread: PlatformThread = this.startThread(this.start, {
        news: news => this.news(index, news),
        failure: reason => {
          if (current(thread)) this.failure(reason);
        },
      });
      return thread;
    };
    this.pool = Array.from({ length: this.threads }, begin);
  }
}

/** Time after which others get their turn, in milliseconds. */
const TURN_MS = 10;

/** The thread that asks, where memory cannot be shared. Others get their turn every 10 ms. */
export class OneThread implements Workers {
  readonly threads = 1;

  constructor(
    private readonly functions: ReturnType<typeof instantiate>,
    private readonly local: () => number,
  ) {}

  /** Does the jobs here, with breaks. */
  async run(jobs: readonly BoundJob[], { signal, onJobs }: JobOptions): Promise<void> {
    const local = this.local();
    let turn = performance.now();
    for (const [i, { run, args, parts }] of jobs.entries()) {
      const call = this.functions[run]!;
      for (let part = 0; part < parts; part++) {
        try {
          call(part, local, ...args);
        } catch (cause) {
          throw failed(`${run}: ${(cause as Error).message}`);
        }
        if (performance.now() - turn < TURN_MS) continue;
        await nextTurn();
        throwIfAborted(signal);
        turn = performance.now();
      }
      onJobs?.(i + 1);
    }
  }

  stop(): void {}
}

/** Timers wait longer than they are told once they are nested; messages do not. */
function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
