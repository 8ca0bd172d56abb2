// Calls that share a device: one works, the next one gets ready meanwhile, the others wait.

/** A place in the queue. */
export interface Place {
  /** Resolves when the call before has begun its work, so that this one may read its photo. */
  readonly next: Promise<void>;
  /** Resolves when all calls before are over. */
  readonly turn: Promise<void>;
  /** Says that the work has begun. */
  begin(): void;
  /** Says that the call is over; whoever leaves early lets nobody pass those before. */
  leave(): void;
}

/** Calls in the order in which they joined. */
export class Queue {
  private begun: Promise<void> = Promise.resolve();
  private over: Promise<void> = Promise.resolve();

  /** The last place. It must be left. */
  join(): Place {
    const [next, turn] = [this.begun, this.over];
    const [begin, begun] = gate();
    const [leave, left] = gate();
    this.over = left.then(() => turn);
    this.begun = Promise.race([begun, left.then(() => next)]);
    return { next, turn, begin, leave };
  }

  /** Resolves when all calls that have joined are over. */
  get idle(): Promise<void> {
    return this.over;
  }
}

function gate(): [open: () => void, opened: Promise<void>] {
  let open = () => {};
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  return [open, opened];
}
