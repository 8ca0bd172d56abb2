// What is done when a job has ended: its webhook is called, and the picture that came with it goes.

import { failureOf, outputOf } from './answers.js';
import { JobError } from './errors.js';
import { type Delivery, type Webhooks, webhookPayload } from './network/webhook.js';
import type { JobRecord, Storage } from './types.js';
import { INPUTS, STORED } from './work.js';

export interface FinishParts {
  readonly storage: Storage;
  readonly webhooks: Webhooks;
  /** Is told of each job that has ended. */
  readonly ended?: ((record: JobRecord) => void) | undefined;
  /** Is told of each webhook that has ended. */
  readonly called?: ((record: JobRecord, delivery: Delivery) => void) | undefined;
}

/** The `finished` of `WorkOptions`. */
export function createFinished(parts: FinishParts): (record: JobRecord) => Promise<void> {
  const { storage, webhooks, ended, called } = parts;
  return async record => {
    ended?.(record);
    const { imageUrl } = record.input;
    if (imageUrl.startsWith(STORED + INPUTS)) await storage.delete(imageUrl.slice(STORED.length));
    if (record.webhook === undefined) return;
    const delivery = await webhooks.deliver(record.webhook, await payloadOf(record, storage));
    called?.(record, delivery);
    // The next process calls it.
    if (delivery.outcome === 'stopped') throw new Error('The server ended before the webhook was taken');
  };
}

async function payloadOf(record: JobRecord, storage: Storage) {
  try {
    return webhookPayload(record.id, await outputOf(record, record.base, storage));
  } catch (error) {
    const { status, detail } = failureOf(record) ?? (error instanceof JobError ? error.failure : INTERNAL);
    return webhookPayload(record.id, { detail }, status);
  }
}

const INTERNAL = { status: 500, detail: 'Internal error' };
