// What holds for the queue of one process and for the one on Redis.

import { LIMITS } from '../limits.js';
import type { JobFailure, JobState } from '../types.js';

/** How many jobs a queue takes and keeps. */
export interface QueueOptions {
  /** Most jobs that wait. Default 1000. */
  readonly limit?: number | undefined;
  /** Most of one owner. Default the same. */
  readonly limitPerOwner?: number | undefined;
  /** Milliseconds for which jobs that have ended are kept. Default a day. */
  readonly maxAge?: number | undefined;
  /** Most jobs that have ended that are kept. Default 10,000. */
  readonly maxEnded?: number | undefined;
  /** Is told of what goes wrong beside the jobs: files or a Redis that cannot be read or written. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The same with the defaults. */
export function queueRules(options: QueueOptions) {
  const { limit = LIMITS.queue, limitPerOwner = limit, maxAge = 24 * 60 * 60_000, maxEnded = 10_000 } = options;
  return { limit, limitPerOwner, maxAge, maxEnded };
}

/** How often a job is begun before it counts as what ends the process. */
export const MOST_ATTEMPTS = 2;

/** Why a job that was begun that often has failed. */
export const ENDED_PROCESSES: JobFailure = {
  status: 500,
  detail: `The server ended ${MOST_ATTEMPTS} times while this was worked on`,
};

/** Milliseconds that jobs have to end once they are aborted. */
export const GRACE = 2_000;

/** Whether nothing more becomes of a job. */
export const isOver = (state: JobState): boolean => state === 'COMPLETED' || state === 'CANCELLED';
