// Who does jobs: threads on shared memory, or whoever asks.

import { onAbort } from '../abort.js';
import { CodeFormerError, throwIfAborted } from '../errors.js';
import { type BoundJob, CONTROL, endEarly, type ThreadNews, type ThreadStart, type ThreadWork } from './jobs.js';
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
  /**
   * When this ends, in whatever way, no thread works any more.
   * @param locals addresses of the memory that each thread has for itself
   * @throws `ABORTED`, `GPU_ERROR` where a kernel fails, `WORKER_FAILED` where a thread ends by itself: the next call starts another one
   */
  run(jobs: readonly BoundJob[], locals: readonly number[], options: JobOptions): Promise<void>;
  /** Ends work early, and the threads for good. */
  stop(): void;
}

const kernelFailed = (reason: string): CodeFormerError =>
  new CodeFormerError('GPU_ERROR', `A kernel failed: ${reason}`);

const threadFailed = (reason: string, cause?: unknown): CodeFormerError =>
  new CodeFormerError('WORKER_FAILED', `A thread ended: ${reason}`, { cause });

/** What a run hears of threads. */
interface Listener {
  news(thread: PlatformThread, news: ThreadNews): void;
  failure(thread: PlatformThread, reason: string): void;
}

/** Threads that share memory, started when there is work. */
export class ThreadPool implements Workers {
  private readonly pool = new Set<PlatformThread>();
  private readonly control: Int32Array;
  /** The run that is under way. */
  private listener: Listener | null = null;
  private stopped = false;

  constructor(
    private readonly begin: ThreadStart,
    private readonly startThread: StartThread,
  ) {
    this.control = new Int32Array(begin.memory.buffer, begin.control, Object.keys(CONTROL).length);
  }

  get threads(): number {
    return this.begin.threads;
  }

  async run(jobs: readonly BoundJob[], locals: readonly number[], { signal, onJobs }: JobOptions): Promise<void> {
    throwIfAborted(signal);
    this.startMissing();
    this.control.fill(0);
    const threads = [...this.pool];
    let failed: { readonly reason: unknown } | null = null;
    let most = 0;
    const fail = (reason: unknown) => {
      failed ??= { reason };
      endEarly(this.control);
    };
    const progress = (done: number) => {
      // Threads are heard in any order.
      if (failed || signal?.aborted || done <= most) return;
      most = done;
      try {
        onJobs?.(done);
      } catch (thrown) {
        fail(thrown);
      }
    };
    for (const thread of threads) thread.hold(true);
    const unhear = onAbort(signal, () => endEarly(this.control));
    await new Promise<void>(resolve => {
      const working = new Set(threads);
      const ended = (thread: PlatformThread) => {
        working.delete(thread);
        if (working.size === 0) resolve();
      };
      this.listener = {
        news(thread, news) {
          if (news.kind === 'progress') return progress(news.jobs);
          if (news.error !== null) fail(kernelFailed(news.error));
          ended(thread);
        },
        failure(thread, reason) {
          fail(threadFailed(reason));
          ended(thread);
        },
      };
      for (const [i, thread] of threads.entries()) thread.post({ jobs, local: locals[i]! });
    });
    unhear();
    this.listener = null;
    for (const thread of threads) thread.hold(false);
    if (this.stopped) this.stopAll();
    if (failed) throw (failed as { readonly reason: unknown }).reason;
    throwIfAborted(signal);
  }

  stop(): void {
    this.stopped = true;
    // Threads that work end by themselves, with the run.
    if (this.listener) endEarly(this.control);
    else this.stopAll();
  }

  private stopAll(): void {
    for (const thread of this.pool) thread.stop();
    this.pool.clear();
  }

  private startMissing(): void {
    while (this.pool.size < this.threads) {
      let thread: PlatformThread;
      const on = {
        news: (news: ThreadNews) => this.listener?.news(thread, news),
        failure: (reason: string) => {
          if (!this.pool.delete(thread)) return;
          thread.stop();
          this.listener?.failure(thread, reason);
        },
      };
      try {
        thread = this.startThread(this.begin, on);
      } catch (cause) {
        throw threadFailed((cause as Error).message, cause);
      }
      this.pool.add(thread);
    }
  }
}

/** Time after which others get their turn, in milliseconds. */
const TURN_MS = 10;

/** The thread that asks, where memory cannot be shared. Others get their turn every 10 ms. */
export class OneThread implements Workers {
  readonly threads = 1;
  private stopped = false;

  constructor(private readonly functions: ReturnType<typeof instantiate>) {}

  async run(jobs: readonly BoundJob[], [local]: readonly number[], { signal, onJobs }: JobOptions): Promise<void> {
    throwIfAborted(signal);
    let turn = performance.now();
    for (const [i, { run, args, parts }] of jobs.entries()) {
      const call = this.functions[run]!;
      for (let part = 0; part < parts; part++) {
        try {
          call(part, local!, ...args);
        } catch (cause) {
          throw kernelFailed(`${run}: ${(cause as Error).message}`);
        }
        if (performance.now() - turn < TURN_MS) continue;
        await nextTurn();
        if (this.stopped) return;
        throwIfAborted(signal);
        turn = performance.now();
      }
      onJobs?.(i + 1);
      throwIfAborted(signal);
    }
  }

  stop(): void {
    this.stopped = true;
  }
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
