// Steps back and forth.

/** States that are kept: some of them hold two numbers for each pixel. */
const STEPS = 40;

/** The states before and after the present one. States are never changed, only replaced. */
export class History<T> {
  private past: T[] = [];
  private future: T[] = [];

  /** Remembers a state that is about to be replaced. */
  push(state: T): void {
    this.past.push(state);
    if (this.past.length > STEPS) this.past.shift();
    this.future = [];
  }

  /** The state before, or null where there is none; `now` can be had back by `redo`. */
  undo(now: T): T | null {
    const state = this.past.pop();
    if (state === undefined) return null;
    this.future.push(now);
    return state;
  }

  redo(now: T): T | null {
    const state = this.future.pop();
    if (state === undefined) return null;
    this.past.push(now);
    return state;
  }

  clear(): void {
    this.past = [];
    this.future = [];
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }
}
