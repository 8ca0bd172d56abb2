// The calls of one restorer: they share its device, so their work follows one another; aborts and `destroy` end them wherever they are.

import { onAbort, orAbort } from '../abort.js';
import { CodeFormerError, throwIfAborted } from '../errors.js';
import { type Loader, reasonOf } from './loading.js';
import type { Loaded } from './networks.js';
import type { Settings } from './options.js';
import type { Inside } from './platform.js';
import { Report } from './progress.js';
import { Queue } from './queue.js';
import type { PhotoOptions } from './types.js';

/** Runs the calls of a restorer. */
export class Calls {
  /** Photos share the device, so work on them follows one another. */
  private readonly queue = new Queue();
  /** Results that are encoded: of one call while the next one works, so that they do not pile up. */
  private readonly outgoing = new Queue();
  /** Calls that are under way. */
  private readonly running = new Map<AbortController, Promise<unknown>>();
  private alive = true;

  constructor(
    private readonly loader: Loader,
    private readonly inside: Inside,
  ) {}

  /** @throws `DESTROYED` after `destroy()` */
  check(): void {
    if (!this.alive) throw destroyed();
  }

  /**
   * Runs a call, which an abort and `destroy` end wherever it is.
   * @param begun what has been done of it before
   */
  run<T>(
    { signal, onProgress }: Pick<PhotoOptions, 'signal' | 'onProgress'>,
    work: (report: Report) => Promise<T>,
    begun?: Report,
  ): Promise<T> {
    const controller = new AbortController();
    const own = controller.signal;
    const run = async () => {
      const unlink = onAbort(signal, () => controller.abort(signal!.reason));
      try {
        this.check();
        throwIfAborted(own);
        return await work(begun ? begun.resumed(own) : new Report(onProgress, own));
      } catch (error) {
        // The abort that `destroy` makes is no abort to callers.
        const { reason } = own;
        const ended = reason instanceof CodeFormerError && reason.code === 'DESTROYED';
        throw ended && error instanceof CodeFormerError && error.code === 'ABORTED' ? reason : error;
      } finally {
        unlink();
      }
    };
    const running = run();
    this.running.set(controller, running);
    const forget = () => this.running.delete(controller);
    running.then(forget, forget);
    return running;
  }

  /** The settings of a call as its work takes them: the caller's own parts end with it, and may make calls themselves. */
  guarded<S extends Pick<Settings, 'parts' | 'signal'>>(settings: S, { signal }: Report): S {
    const guard = (part: unknown) => {
      if (typeof part !== 'function') return part;
      return async (...args: unknown[]) => {
        const mark = new PartMark(this);
        try {
          return await orAbort(signal, () => this.inside.run(mark, () => part(...args)));
        } finally {
          mark.over = true;
        }
      };
    };
    const parts = Object.fromEntries(Object.entries(settings.parts).map(([name, part]) => [name, guard(part)]));
    return { ...settings, signal, parts };
  }

  /**
   * Runs `work` when all work before it is done, on a device that is alive.
   * @param prepare is run while the work before is done, so that one photo more is decoded and no others
   * @param deliver is run while the work after is done
   */
  async exclusive<P, T, R = T>(
    report: Report,
    prepare: () => Promise<P>,
    work: (loaded: Loaded, prepared: P) => Promise<T>,
    deliver?: (made: T, prepared: P) => Promise<R>,
  ): Promise<R> {
    const { signal } = report;
    // A call from inside of a part would wait for the call that the part is of.
    const part = this.inside.marks().findLast(mark => mark instanceof PartMark && mark.holds(this));
    const queue = part instanceof PartMark ? part.queue : this.queue;
    const place = queue.join();
    report.clock('wait');
    try {
      await orAbort(signal, () => place.next);
      const prepared = await prepare();
      report.clock('wait');
      await orAbort(signal, () => place.turn);
      place.begin();
      const loaded = await this.loader.ready(report);
      const made = await this.worked(loaded, () => work(loaded, prepared));
      if (!deliver) return made as unknown as R;
      if (queue !== this.queue) return await deliver(made, prepared);
      const outgoing = this.outgoing.join();
      try {
        report.clock('wait');
        await orAbort(signal, () => outgoing.turn);
        place.leave();
        return await deliver(made, prepared);
      } finally {
        outgoing.leave();
      }
    } finally {
      place.leave();
    }
  }

  /** Ends calls that are under way, or wait, with `DESTROYED`, and frees what was loaded. */
  async destroy(): Promise<void> {
    if (!this.alive) return;
    this.alive = false;
    for (const call of this.running.keys()) call.abort(destroyed());
    await Promise.allSettled(this.running.values());
    await this.loader.destroy();
  }

  private async worked<T>(loaded: Loaded, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const reason = await reasonOf(error, loaded.device);
      throw this.alive ? reason : error;
    }
  }
}

const destroyed = (): CodeFormerError => new CodeFormerError('DESTROYED', 'A restorer was used after destroy()');

/** That a part of the caller's is running, as calls that are made from inside of it see it. */
class PartMark {
  /** These calls follow one another as well. */
  readonly queue = new Queue();
  over = false;

  constructor(private readonly calls: Calls) {}

  /** Whether a call of the restorer waits for the part. */
  holds(calls: Calls): boolean {
    return !this.over && this.calls === calls;
  }
}
