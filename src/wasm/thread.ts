// What every thread does: it takes parts of a job until none are left, waits for the others, and goes on to the next job.

import {
  type BoundJob,
  CONTROL,
  ENDED,
  endEarly,
  type Functions,
  type ThreadNews,
  type ThreadStart,
  type ThreadWork,
} from './jobs.js';

/** Looks at the others that often before it sleeps: waking up takes as long as many jobs. */
const SPINS = 2000;

const PROGRESS_MS = 50;

/** The functions of the module in a memory. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Functions {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Functions;
}

/** A thread that works on what it is sent. */
export class Thread {
  private readonly functions: Functions;
  private readonly control: Int32Array;
  private reported = 0;

  constructor(
    private readonly start: ThreadStart,
    private readonly tell: (news: ThreadNews) => void,
  ) {
    this.functions = instantiate(start.module, start.memory);
    this.control = new Int32Array(start.memory.buffer, start.control, Object.keys(CONTROL).length);
  }

  /** Does its share of jobs, and tells when the last one is done. */
  work({ jobs, local }: ThreadWork): void {
    let error: string | null = null;
    for (const [i, job] of jobs.entries()) {
      try {
        this.takeParts(job, local);
      } catch (cause) {
        error = `${job.run}: ${(cause as Error).message}`;
        endEarly(this.control);
      }
      if (!this.meet(i)) break;
    }
    this.tell({ kind: 'ended', error });
  }

  private takeParts({ run, args, parts }: BoundJob, local: number): void {
    const call = this.functions[run];
    if (!call) throw new Error('there is no such function');
    for (;;) {
      const part = Atomics.add(this.control, CONTROL.next, 1);
      if (part >= parts) return;
      call(part, local, ...args);
    }
  }

  /** Waits until all threads have done job i; false where the work has ended early. */
  private meet(i: number): boolean {
    const { control } = this;
    if (Atomics.add(control, CONTROL.arrived, 1) === this.start.threads * (i + 1) - 1) {
      Atomics.store(control, CONTROL.next, 0);
      // It stays at ENDED.
      Atomics.compareExchange(control, CONTROL.done, i, i + 1);
      Atomics.notify(control, CONTROL.done);
      this.report(i + 1);
    } else {
      for (let spin = 0; spin < SPINS && Atomics.load(control, CONTROL.done) === i; spin++);
      while (Atomics.load(control, CONTROL.done) === i) Atomics.wait(control, CONTROL.done, i);
    }
    return Atomics.load(control, CONTROL.done) !== ENDED;
  }

  private report(jobs: number): void {
    const now = performance.now();
    if (now - this.reported < PROGRESS_MS) return;
    this.reported = now;
    this.tell({ kind: 'progress', jobs });
  }
}
