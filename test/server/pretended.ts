// A server in this process whose engine is the test's.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createHandler, type Handler, type HandlerOptions } from '../../src/server/app.js';
import type { Engine, EngineResult, RestoreInput } from '../../src/server/types.js';

/** The smallest picture there is: a GIF of one pixel. */
export const GIF = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');
export const PICTURE = `data:image/gif;base64,${GIF.toString('base64')}`;
export const RESULT = Buffer.from('the restored picture');

export const ENDPOINT = '/fal-ai/codeformer';
export const QUEUE = `/queue${ENDPOINT}`;
export const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** What an engine was asked, and lets a test answer. */
export interface Asked {
  readonly photo: Uint8Array;
  readonly input: RestoreInput;
  readonly signal: AbortSignal;
  log(message: string): void;
  finish(result?: Partial<EngineResult>): void;
  fail(error: unknown): void;
}

/** An engine that does what the test says: at once, unless `holds`. */
export class PretendedEngine implements Engine {
  readonly asked: Asked[] = [];
  holds = false;
  closed = false;
  info = { adapter: 'pretended', model: 'none', memory: 1 };

  restore(photo: Uint8Array, input: RestoreInput, { log, signal }: Parameters<Engine['restore']>[2]) {
    return new Promise<EngineResult>((resolve, reject) => {
      const finish = (result: Partial<EngineResult> = {}) =>
        resolve({
          image: RESULT,
          width: 2,
          height: 3,
          seed: input.seed ?? 7,
          faces: 1,
          timings: { total: 1 },
          ...result,
        });
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
      this.asked.push({ photo, input, signal, log, finish, fail: reject });
      if (this.holds) return;
      log('Restoring face 1 of 1');
      finish();
    });
  }

  async ready() {
    return this.info;
  }

  async close() {
    this.closed = true;
  }
}

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'codeformer-test-'));
  ended.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Asking {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly key?: string;
  readonly signal?: AbortSignal;
}

export interface Served {
  readonly handler: Handler;
  readonly engine: PretendedEngine;
  /** Sends a request; a body that is no text or bytes goes as JSON. */
  ask(path: string, asking?: Asking): Promise<Response>;
  /** Sends a request and reads the JSON of its answer. */
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect.
  json(path: string, asking?: Asking): Promise<any>;
  /** Submits a job and returns its id. */
  submit(input?: object, asking?: Asking): Promise<string>;
}

/** A server in this process, which ends with the test. */
export function served(options: HandlerOptions = {}, engine = new PretendedEngine()): Served {
  const handler = createHandler({ engine, ...options });
  ended.push(() => handler.close({ deadline: 0 }));
  const ask = (path: string, { method, body, headers, key, signal }: Asking = {}) => {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const request = new Request(new URL(path, 'http://server.example'), {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(!isRaw && { 'content-type': 'application/json' }),
        ...(key && { authorization: `Key ${key}` }),
        ...headers,
      },
      ...(body !== undefined && { body: (isRaw ? body : JSON.stringify(body)) as BodyInit }),
      ...(signal && { signal }),
    });
    return handler(request);
  };
  const json = async (path: string, asking?: Asking) => (await ask(path, asking)).json();
  const submit = async (input: object = {}, asking: Asking = {}) =>
    (await json(QUEUE, { body: { image_url: PICTURE, ...input }, ...asking })).request_id;
  return { handler, engine, ask, json, submit };
}

/** The events of a stream. */
// biome-ignore lint/suspicious/noExplicitAny: tests say what they expect.
export async function* eventsOf(response: Response): AsyncGenerator<any> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body!) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split('\n\n');
    text = events.pop()!;
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event);
      if (data) yield JSON.parse(data[1]!);
    }
  }
}
