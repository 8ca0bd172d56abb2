// Work on values that change faster than it is done: only the latest counts.

/**
 * One piece of work at a time. A value that comes meanwhile waits, and replaces one that waited before.
 */
export class Latest<T> {
  private waiting: { readonly value: T } | null = null;
  private running: { readonly newer: AbortController; readonly ended: Promise<void> } | null = null;

  /** @param work gets a signal that is aborted as soon as a newer value waits; it must not reject */
  constructor(private readonly work: (value: T, newer: AbortSignal) => Promise<void>) {}

  push(value: T): void {
    this.waiting = { value };
    if (this.running) this.running.newer.abort();
    else this.next();
  }

  /** Forgets what waits. */
  clear(): void {
    this.waiting = null;
  }

  private next(): void {
    const next = this.waiting;
    this.waiting = null;
    this.running = null;
    if (!next) return;
    const newer = new AbortController();
    const ended = this.work(next.value, newer.signal).finally(() => this.next());
    this.running = { newer, ended };
  }
}
