// Tells other servers that a job has ended: a POST to the address that came with the job, again and again until it is taken.

import { pause } from '../../abort.js';
import { LIMITS } from '../limits.js';
import { connectionError, type NetworkRules, RequestError, send, withTimeout } from './request.js';

/** What is posted. */
export interface WebhookPayload {
  readonly request_id: string;
  readonly gateway_request_id: string;
  readonly status: 'OK' | 'ERROR';
  /** The body of the result, also of a failed one. */
  readonly payload: unknown;
  /** Of a failed one. */
  readonly error?: string | undefined;
}

export interface WebhookOptions extends NetworkRules {
  /** Addresses may be of any network. Default false. */
  readonly allowPrivate?: boolean | undefined;
  /** Default 8. */
  readonly attempts?: number | undefined;
  /** Milliseconds before the second attempt; doubles with each. Default 1,000. */
  readonly delay?: number | undefined;
  /** Milliseconds for one attempt. Default 15,000. */
  readonly timeout?: number | undefined;
  /** Requests at once. Default 8. */
  readonly concurrency?: number | undefined;
  /** Webhooks that are under way at most; more are given up at once. Default 10,000. */
  readonly backlog?: number | undefined;
}

export interface Delivery {
  /** `stopped`: the server ends, and nothing speaks against another attempt after its next start. */
  readonly outcome: 'delivered' | 'given up' | 'stopped';
  /** Requests that were made. */
  readonly attempts: number;
  /** What went wrong with the last of them. */
  readonly error?: string | undefined;
}

const STOPPED = new RequestError('the server stops', false);

/** The body of a webhook for a result, or for a failure with its status. */
export function webhookPayload(id: string, payload: unknown, failedWith?: number): WebhookPayload {
  const ids = { request_id: id, gateway_request_id: id };
  if (failedWith === undefined) return { ...ids, status: 'OK', payload };
  return { ...ids, status: 'ERROR', error: `Unexpected status code: ${failedWith}`, payload };
}

/** Delivers webhooks, so many at once. One that has to wait for its next attempt keeps no other waiting. */
export class Webhooks {
  private readonly stopped = new AbortController();
  private readonly waiting: (() => void)[] = [];
  private readonly pending = new Set<Promise<Delivery>>();
  private running = 0;

  constructor(private readonly options: WebhookOptions = {}) {}

  /** Webhooks under way. */
  get size(): number {
    return this.pending.size;
  }

  /** Posts the payload until it is taken, refused for good, or given up. Never throws. */
  deliver(url: string, payload: WebhookPayload): Promise<Delivery> {
    if (this.pending.size >= (this.options.backlog ?? LIMITS.webhookBacklog))
      return Promise.resolve({ outcome: 'given up', attempts: 0, error: 'too many webhooks wait' });
    const delivery = this.attemptAll(url, JSON.stringify(payload));
    this.pending.add(delivery);
    void delivery.then(() => this.pending.delete(delivery));
    return delivery;
  }

  /** Waits for those under way until the deadline (milliseconds from now) and gives up the others. */
  async close(deadline = 0): Promise<void> {
    const timer = setTimeout(() => this.stopped.abort(STOPPED), deadline);
    await Promise.all(this.pending);
    clearTimeout(timer);
  }

  private async attemptAll(url: string, body: string): Promise<Delivery> {
    const { attempts: most = LIMITS.webhookAttempts, delay = LIMITS.webhookDelay } = this.options;
    for (let attempts = 1; ; attempts++) {
      const fault = await this.attempt(url, body);
      if (!fault) return { outcome: 'delivered', attempts };
      const error = fault.message;
      if (fault === STOPPED) return { outcome: 'stopped', attempts, error };
      if (!fault.isPassing || attempts === most) return { outcome: 'given up', attempts, error };
      // Receivers that were down together are not asked together.
      await pause(delay * 2 ** (attempts - 1) * (1 + Math.random() / 4), this.stopped.signal);
      if (this.stopped.signal.aborted) return { outcome: 'stopped', attempts, error };
    }
  }

  /** One request; returns what went wrong. */
  private async attempt(url: string, body: string): Promise<RequestError | null> {
    const {
      allowPrivate = false,
      timeout = LIMITS.webhookTime,
      concurrency = LIMITS.webhookConcurrency,
      ...rest
    } = this.options;
    const rules = allowPrivate ? { ...rest, isAllowed: () => true } : rest;
    const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    if (this.running >= concurrency) await new Promise<void>(resolve => this.waiting.push(resolve));
    else this.running++;
    try {
      await withTimeout(timeout, this.stopped.signal, both =>
        send(url, { method: 'POST', headers, body }, rules, both, async ({ statusCode = 0 }) => {
          if (statusCode >= 200 && statusCode < 300) return;
          const isPassing = statusCode >= 500 || statusCode === 408 || statusCode === 429;
          throw new RequestError(`the receiver answered ${statusCode}`, isPassing);
        }),
      );
      return null;
    } catch (error) {
      return connectionError(error);
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}
