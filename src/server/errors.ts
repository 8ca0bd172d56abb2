// What goes wrong with a request: a status and the `detail` of its answer.

import type { JobFailure } from './types.js';

/** Ends a request or a job with a status and a `detail`, which the client gets to see. */
export class JobError extends Error {
  override readonly name: string = 'JobError';
  /** Seconds after which it may go better. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly status: number,
    readonly detail: unknown,
    options: { cause?: unknown; retryAfter?: number } = {},
  ) {
    super(typeof detail === 'string' ? detail : JSON.stringify(detail), options);
    this.retryAfter = options.retryAfter;
  }

  /** What is kept of it with a job. */
  get failure(): JobFailure {
    return { status: this.status, detail: this.detail };
  }
}

/** The queue takes no more jobs now. */
export class QueueFullError extends JobError {
  override readonly name = 'QueueFullError';

  /** @param retryAfter seconds after which it may */
  constructor(retryAfter: number) {
    super(429, 'The queue is full; try again later', { retryAfter });
  }
}

/** What keeps the queue cannot be reached. */
export class QueueUnavailableError extends JobError {
  override readonly name = 'QueueUnavailableError';

  constructor(options?: { cause?: unknown }) {
    super(503, 'The queue cannot be reached; try again later', { ...options, retryAfter: 5 });
  }
}

/** The storage has no room. */
export class StorageFullError extends JobError {
  override readonly name = 'StorageFullError';

  constructor(options?: { cause?: unknown }) {
    super(507, 'The storage is full', options);
  }
}
