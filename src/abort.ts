// Waiting that an abort ends.

import { throwIfAborted } from './errors.js';

/** What each signal calls. One listener serves all: many calls may share a signal, and Node takes many listeners for a leak. */
const callbacks = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back once when the signal is aborted, at once where it is already.
 * @returns what stops that
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (!signal) return () => {};
  if (signal.aborted) {
    callback();
    return () => {};
  }
  let all = callbacks.get(signal);
  if (!all) {
    const waiting = new Set<() => void>();
    all = waiting;
    callbacks.set(signal, waiting);
    signal.addEventListener(
      'abort',
      () => {
        callbacks.delete(signal);
        for (const each of waiting) each();
      },
      { once: true },
    );
  }
  const own = () => callback();
  all.add(own);
  return () => all.delete(own);
}

/** Waits for so many milliseconds, but not for longer than until the signal is aborted. */
export function pause(time: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    let stop = () => {};
    const done = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    // Longer waits than this are none to a timer.
    const timer = setTimeout(done, Math.min(time, 2 ** 31 - 1));
    stop = onAbort(signal, done);
  });
}

/** Resolves when the signal is aborted. */
export const untilAborted = (signal: AbortSignal): Promise<void> => new Promise(resolve => onAbort(signal, resolve));

/**
 * What comes of some work, or `ABORTED` as soon as the signal says so. The work is not stopped by that.
 */
export async function orAbort<T>(signal: AbortSignal | undefined, work: () => T | Promise<T>): Promise<T> {
  throwIfAborted(signal);
  if (!signal) return work();
  let stop = () => {};
  const aborted = new Promise<void>(resolve => {
    stop = onAbort(signal, resolve);
  });
  const working = (async () => work())();
  try {
    // Whatever ended first, an abort wins.
    const value = await Promise.race([working, aborted]);
    throwIfAborted(signal);
    return value as T;
  } finally {
    stop();
  }
}
