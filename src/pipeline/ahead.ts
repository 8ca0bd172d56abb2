// Work on the items of a sequence that runs a little ahead of what is done with the results.

export interface Ahead<T, R> {
  readonly index: number;
  readonly item: T;
  readonly result: PromiseSettledResult<R>;
}

/**
 * Runs `work` on each item and yields the results in order. While one is in use, the work for the next ones is under way.
 * @param count how many items that is
 */
export async function* ahead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  count: number,
): AsyncGenerator<Ahead<T, R>, void, undefined> {
  const waiting: Promise<Ahead<T, R>>[] = [];
  let index = 0;
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let ended = false;
  const fill = async () => {
    while (!ended && waiting.length <= count) {
      const next = await iterator.next();
      if (next.done) {
        ended = true;
        return;
      }
      waiting.push(settled(next.value, index++, work));
    }
  };
  try {
    for (await fill(); waiting.length > 0; ) {
      const first = await waiting.shift()!;
      // The next ones begin before this one is handed out; a source that fails does so when it is its turn.
      const filling = fill();
      filling.catch(() => {});
      yield first;
      await filling;
    }
  } finally {
    if (!ended) await iterator.return?.();
  }
}

async function settled<T, R>(item: T, index: number, work: (item: T) => Promise<R>): Promise<Ahead<T, R>> {
  const [result] = await Promise.allSettled([work(item)]);
  return { index, item, result };
}
