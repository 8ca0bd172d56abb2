// The server that this page comes from: its requests in the queue, as the clients of the hosted API make them. Addresses in its answers may
// be those of a proxy; all that is asked for here lies beside the page.

import { orAbort } from '../../src/abort.js';
import { throwIfAborted } from '../../src/errors.js';
import { ROOT } from '../workers.js';
import { ServerError } from './error.js';

/** Whether a server that restores photos has sent this page; it says so in the markup. */
export const hasServer = (): boolean => 'server' in document.documentElement.dataset;

const QUEUE = 'queue/fal-ai/codeformer';

/** Milliseconds between two looks at a request. */
const PAUSE = 300;

/** Milliseconds for which a server may be gone while it works. */
const PATIENCE = 8000;

/** A line of the log of a request. */
export interface LogLine {
  readonly message: string;
  readonly level: 'INFO' | 'WARN' | 'ERROR';
}

export interface Status {
  readonly status: 'IN_QUEUE' | 'IN_PROGRESS' | 'COMPLETED';
  readonly queue_position?: number;
  readonly logs: readonly LogLine[] | null;
}

export class ServerClient {
  /** @param keys gives the key, and asks for another one where that was refused; null where nobody gives one */
  constructor(private readonly keys: { current(): string | null; ask(): Promise<string | null> }) {}

  /** Uploads a photo and returns its address, which requests may name. */
  async upload(photo: Blob, signal: AbortSignal): Promise<string> {
    const body = JSON.stringify({ content_type: photo.type });
    const { upload_url, file_url } = await this.post('storage/upload/initiate', body, signal);
    await this.ask(pathIn(upload_url, /\/(storage\/put\/.+)$/), { method: 'PUT', body: photo }, signal);
    return file_url;
  }

  /**
   * Has the server restore a photo, and returns the result. The request is cancelled where the signal is aborted.
   * @param follow gets each status of the request
   */
  async restore(input: object, follow: (status: Status) => void, signal: AbortSignal): Promise<Blob> {
    const { request_id: id } = await this.post(QUEUE, JSON.stringify(input), signal);
    const request = `${QUEUE}/requests/${id}`;
    try {
      await this.ended(request, follow, signal);
    } catch (error) {
      // Nobody waits for it any more.
      if (signal.aborted) void this.send(`${request}/cancel`, { method: 'PUT', keepalive: true }).catch(() => {});
      throw error;
    }
    const { image } = await (await this.ask(request, {}, signal)).json();
    return (await this.ask(pathIn(image.url, /\/(files\/results\/[\w.-]+)$/), {}, signal)).blob();
  }

  private async ended(request: string, follow: (status: Status) => void, signal: AbortSignal): Promise<void> {
    for (let seen = performance.now(); ; await pause(PAUSE, signal)) {
      try {
        const status: Status = await (await this.ask(`${request}/status?logs=1`, {}, signal)).json();
        seen = performance.now();
        follow(status);
        if (status.status === 'COMPLETED') return;
      } catch (error) {
        // One that starts again knows its requests.
        const isGone = error instanceof ServerError && (error.status === 0 || error.status === 503);
        if (!isGone || performance.now() - seen > PATIENCE) throw error;
      }
    }
  }

  private async post(path: string, body: string, signal: AbortSignal) {
    return (
      await this.ask(path, { method: 'POST', body, headers: { 'content-type': 'application/json' } }, signal)
    ).json();
  }

  /**
   * An answer without errors; a key is asked for where one is needed.
   * @throws ServerError; `ABORTED`
   */
  private async ask(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    for (;;) {
      const response = await this.send(path, { ...init, signal }).catch(() => {
        throwIfAborted(signal);
        throw new ServerError(0, 'No answer');
      });
      if (response.ok) return response;
      if (response.status !== 401 || (await this.keys.ask()) === null) throw await refusal(response);
      throwIfAborted(signal);
    }
  }

  private send(path: string, init: RequestInit): Promise<Response> {
    const key = this.keys.current();
    const headers = { ...init.headers, ...(key !== null && { authorization: `Key ${key}` }) };
    return fetch(new URL(path, ROOT), { ...init, headers });
  }
}

/** What an address of the server means below the page. */
function pathIn(url: string, pattern: RegExp): string {
  const path = pattern.exec(url)?.[1];
  if (path === undefined) throw new ServerError(502, `An unexpected address: ${url}`);
  return path;
}

async function refusal(response: Response): Promise<ServerError> {
  const { detail } = await response.json().catch(() => ({}));
  const first = Array.isArray(detail) ? detail[0] : null;
  const message = first?.msg ?? (typeof detail === 'string' ? detail : `The answer was ${response.status}`);
  const seconds = Number(response.headers.get('retry-after'));
  return new ServerError(response.status, message, first?.type ?? null, seconds > 0 ? seconds : null);
}

/** Waits. Throws `ABORTED`. */
export const pause = (time: number, signal: AbortSignal): Promise<void> =>
  orAbort(signal, () => new Promise(resolve => setTimeout(resolve, time)));
