// Jobs with addresses in place of names, and who does them.

/** A function of the module for each of its parts: see `kernels/wasm.ts`. */
export interface BoundJob {
  readonly run: string;
  readonly args: readonly number[];
  readonly parts: number;
}

/** The functions of the module; numbers in, nothing out. */
export type Functions = Readonly<Record<string, (...args: number[]) => number | undefined>>;

/** Words of the memory in which threads tell each other how far they are. */
export const CONTROL = { arrived: 0, done: 1, next: 2 } as const;

/** Value of `done` where the work has ended early. */
export const ENDED = -1;

/** More parts than any job has. */
const NONE_LEFT = 2 ** 30;

/** Tells all threads to take no more parts and to wait for nobody. */
export function endEarly(control: Int32Array): void {
  Atomics.store(control, CONTROL.done, ENDED);
  Atomics.store(control, CONTROL.next, NONE_LEFT);
  Atomics.notify(control, CONTROL.done);
}

/** What a thread begins with. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of the control words. */
  readonly control: number;
  readonly threads: number;
}

/** To a thread: work. `local` is the address of the memory that this thread has for itself. */
export interface ThreadWork {
  readonly jobs: readonly BoundJob[];
  readonly local: number;
}

/** From a thread: how many jobs are done, or that its work has ended, and with which error. */
export type ThreadNews =
  | { readonly kind: 'progress'; readonly jobs: number }
  | { readonly kind: 'ended'; readonly error: string | null };
