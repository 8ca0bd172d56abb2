// What works on the jobs of a queue: beside a server, or as a worker of its own.

import { createFinished } from './finish.js';
import { LIMITS } from './limits.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import { download } from './network/download.js';
import type { Webhooks } from './network/webhook.js';
import type { Engine, JobQueue, Storage } from './types.js';
import { createWork } from './work.js';

export interface WorkingParts {
  readonly queue: JobQueue;
  readonly storage: Storage;
  readonly engine: Engine;
  readonly webhooks: Webhooks;
  readonly metrics: Metrics;
  readonly logger?: Logger | undefined;
  /** Pictures may be of private networks. Default false. */
  readonly allowPrivate?: boolean | undefined;
  /** Jobs that are begun at once: while one is restored, the others are fetched, decoded, or encoded. */
  readonly concurrency: number;
  /** Most bytes of a photo. Default 50 MB. */
  readonly maxBytes?: number | undefined;
  /** Most pixels of a photo. Default 100 million. */
  readonly maxPixels?: number | undefined;
  /** Milliseconds that the work on a job may take. Default ten minutes. */
  readonly timeout?: number | undefined;
}

/** Begins to do jobs, and to call their webhooks, until the queue is closed. */
export function startWorking(parts: WorkingParts): void {
  const { queue, storage, engine, webhooks, metrics, logger, concurrency, ...limits } = parts;
  const { allowPrivate, maxPixels, maxBytes = LIMITS.downloadBytes, timeout } = limits;
  const work = createWork({
    engine,
    storage,
    timeout,
    download: async (url, signal) => (await download(url, { allowPrivate, maxBytes, maxPixels, signal })).bytes,
    restored: ({ faces, timings }) => metrics.restored(faces, timings),
  });
  const finished = createFinished({
    storage,
    webhooks,
    ended(record) {
      metrics.job(record);
      const { id, owner, state, failure, startedAt, finishedAt } = record;
      const ms = startedAt === undefined ? 0 : finishedAt! - startedAt;
      logger?.info({ request_id: id, owner, state, status: failure?.status, ms }, 'job ended');
    },
    called({ id }, delivery) {
      metrics.webhook(delivery);
      const { outcome, error } = delivery;
      if (outcome !== 'delivered') logger?.warn({ request_id: id, error }, `webhook ${outcome}`);
    },
  });
  queue.work(work, { concurrency, finished });
}
