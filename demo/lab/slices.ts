// Work in slices that are short enough for a page to stay alive.

/** Milliseconds of work at a time. */
const SLICE = 8;

/** Does work in slices, between which the page does what else it has to do. Throws what the signal says. */
export async function inSlices<T>(work: Generator<void, T>, signal: AbortSignal): Promise<T> {
  let until = performance.now() + SLICE;
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() < until) continue;
    await new Promise(resolve => setTimeout(resolve, 0));
    signal.throwIfAborted();
    until = performance.now() + SLICE;
  }
}
