// The routes: what each kind of request asks, and what it is answered.

import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { routePath } from 'hono/route';
import { addressesOf, ENDPOINT, errorType, failureOf, outputOf, statusOf } from './answers.js';
import type { Keys } from './auth.js';
import { readJson } from './body.js';
import { CONDITION_PATHS, conditionOf } from './condition.js';
import { JobError } from './errors.js';
import { LIMITS, Quota } from './limits.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import { download } from './network/download.js';
import { openApi } from './openapi.js';
import type { Page } from './page.js';
import { isOver } from './queue/rules.js';
import type { Routing } from './routing.js';
import { parseInput } from './schema.js';
import type { Job, JobQueue, JobRecord, Storage } from './types.js';
import { type App, type AppEnv, addUploads, type Ctx } from './uploads.js';
import { INPUTS, isRandomName, jobError, logLine, RESULTS, randomName, STORED, UPLOADS } from './work.js';

export interface AppParts {
  readonly keys: Keys;
  readonly routing: Routing;
  readonly storage: Storage;
  readonly queue: JobQueue;
  readonly metrics: Metrics;
  readonly page: Page | null;
  readonly logger: Logger | undefined;
  readonly isReady: () => Promise<boolean>;
  readonly version: string;
  readonly maxBytes: number;
  readonly maxPixels: number | undefined;
  readonly deadline: number;
  readonly uploadBytesPerHour: number;
  readonly cors: readonly string[];
  readonly hosts: readonly string[] | null;
}

const HOUR = 60 * 60_000;

/** Milliseconds between signs of life in streams of events: proxies end connections that are silent for longer. */
const SILENCE = 15_000;

/** For all but the page: nothing of it is to be shown as one. */
const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'cache-control': 'no-store',
};

/** All routes over the parts of a server. */
export function createApp(parts: AppParts): App {
  const app = new Hono<AppEnv>({
    getPath: (request, options) => parts.routing.route(request, options?.env?.client ?? {}).path,
  });
  addCommon(app, parts);
  addOpen(app, parts);
  app.use(async (c, next) => {
    // Addresses of uploads are signed.
    const isSigned = /^\/storage\/(put|parts)\//.test(c.req.path);
    const token = c.var.query.get('fal_jwt_token');
    const owner = isSigned ? '' : parts.keys.ownerOf(c.req.header('authorization') ?? null, token);
    if (owner === null) throw new JobError(401, 'Expected the header Authorization: Key and a valid key');
    c.set('owner', owner);
    await next();
  });
  const allowance = new Quota(parts.uploadBytesPerHour, HOUR);
  const take = (owner: string, bytes: number) => {
    const retryAfter = allowance.take(owner, bytes);
    if (retryAfter > 0) throw new JobError(429, 'The allowance of this key for uploads is used up', { retryAfter });
  };
  addEndpoint(app, parts, take);
  addUploads(app, { ...parts, take });
  app.post('/tokens/', c => c.json(parts.keys.token(c.var.owner, Date.now() + 120_000)));
  return app;
}

/** What holds for every request. */
function addCommon(app: App, { routing, metrics, logger, hosts, cors: origins }: AppParts): void {
  app.use(async (c, next) => {
    const start = performance.now();
    const { base, queueBase, query } = routing.route(c.req.raw, c.env.client);
    c.set('base', base);
    c.set('queueBase', queueBase);
    c.set('query', query);
    c.set('requestId', randomUUID());
    await next();
    const ms = performance.now() - start;
    const { headers } = c.res;
    headers.set('x-fal-request-id', c.var.requestId);
    headers.set('x-content-type-options', 'nosniff');
    headers.set('referrer-policy', 'no-referrer');
    for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value);
    const route = routePath(c);
    const { method } = c.req;
    const { status } = c.res;
    metrics.request(method, route === '/*' ? 'none' : route, status, ms);
    // Clients that wait ask many times a second.
    const level = method === 'GET' && status < 400 ? 'debug' : 'info';
    logger?.[level]({ request_id: c.var.requestId, method, route, status, ms: Math.round(ms) }, 'request');
  });
  app.use(async (c, next) => {
    if (hosts && !hosts.includes(new URL(c.req.url).hostname.replace(/^queue\./, '')))
      throw new JobError(403, 'This server is not known by that name');
    await next();
  });
  if (origins.length > 0) {
    const origin = origins.includes('*') ? '*' : [...origins];
    app.use(cors({ origin, exposeHeaders: ['x-fal-request-id', 'retry-after'], maxAge: 600 }));
  }
  app.onError((error, c) => {
    const known = jobError(error);
    if (known.status === 500) logger?.error({ err: known.cause ?? known, request_id: c.var.requestId });
    const { status, detail, retryAfter } = known;
    if (retryAfter !== undefined) c.header('retry-after', String(retryAfter));
    c.header('x-fal-error-type', errorType(status));
    return c.json({ detail, error_type: errorType(status) }, status as 500);
  });
  app.notFound(() => {
    throw new JobError(404, 'Not found');
  });
}

/** What needs no key. */
function addOpen(app: App, { storage, page, isReady, version, metrics }: AppParts): void {
  for (const path of CONDITION_PATHS) app.get(path, () => conditionOf(path, metrics, isReady));
  app.get('/openapi.json', c => c.json(openApi(c.var.base, version)));
  app.get('/files/:kind/:name', async c => {
    const { kind, name } = c.req.param();
    const file =
      [RESULTS, UPLOADS].includes(`${kind}/`) && isRandomName(name) && (await storage.get(`${kind}/${name}`));
    if (!file) throw new JobError(404, 'Not found');
    const { body, contentType } = file;
    c.header('content-type', contentType);
    c.header('cache-control', 'private, max-age=86400, immutable');
    // What is no picture is nothing to be looked at.
    if (!contentType.startsWith('image/')) c.header('content-disposition', 'attachment');
    return c.body(body as Uint8Array<ArrayBuffer>);
  });
  if (page)
    app.get('*', async (c, next) => {
      const answer = await page(c.req.path);
      if (!answer) return next();
      return answer;
    });
}

function addEndpoint(app: App, parts: AppParts, take: (owner: string, bytes: number) => void): void {
  const { queue, storage, maxBytes, maxPixels } = parts;
  // In base64, and the other fields.
  const bodyBytes = Math.max(LIMITS.bodyBytes, Math.ceil(maxBytes * 1.34) + 1_000_000);

  /** Makes a job of a request and submits it. */
  const submitted = async (c: Ctx, isAwaited: boolean): Promise<JobRecord> => {
    const { owner, base, query } = c.var;
    const webhook = webhookOf(query);
    const startTimeout = startTimeoutOf(c);
    const { input, notes } = parseInput(await readJson(c.req.raw, bodyBytes));
    const id = randomUUID();
    c.set('requestId', id);
    const createdAt = Date.now();
    const job: Job = {
      ...{ id, owner, base, webhook, createdAt },
      isAwaited: isAwaited && webhook === undefined,
      deadline: createdAt + parts.deadline,
      startBefore: startTimeout && createdAt + startTimeout,
      input: { ...input, imageUrl: await placeOf(input.imageUrl, owner) },
      notes: notes.map(note => logLine(note, 'WARN')),
    };
    try {
      return await queue.submit(job);
    } catch (error) {
      const { imageUrl } = job.input;
      if (imageUrl.startsWith(STORED + INPUTS)) await storage.delete(imageUrl.slice(STORED.length)).catch(() => {});
      throw error;
    }
  };

  /** Where the picture is: what came with the request goes into the storage, so that jobs are small. */
  const placeOf = async (url: string, owner: string): Promise<string> => {
    if (/^data:/i.test(url)) {
      const { bytes, contentType } = await download(url, { maxBytes, maxPixels });
      take(owner, bytes.length);
      const key = INPUTS + randomName();
      await storage.put(key, bytes, contentType);
      return STORED + key;
    }
    // Whoever knows the name of a file here may have it, under whatever name of this server.
    const [, kind, name = ''] = /\/files\/(results|uploads)\/([\w.-]+)$/.exec(url) ?? [];
    return kind !== undefined && isRandomName(name) && (await storage.get(`${kind}/${name}`))
      ? `${STORED}${kind}/${name}`
      : url;
  };

  /** The job that an address names, of the owner whose key asks. */
  const found = async (c: Ctx): Promise<JobRecord | undefined> => {
    const id = c.req.param('id') ?? '';
    const record = /^[0-9a-f-]{36}$/.test(id) ? await queue.get(id) : undefined;
    if (record?.owner !== c.var.owner) return undefined;
    c.set('requestId', id);
    return record;
  };
  const named = async (c: Ctx): Promise<JobRecord> => {
    const record = await found(c);
    if (!record) throw new JobError(404, 'There is no such request');
    return record;
  };

  const result = async (c: Ctx, record: JobRecord) => {
    // The job is over: to ask again would not help.
    if (failureOf(record)?.status === 504) c.header('x-fal-request-timeout-type', 'user');
    return c.json(await outputOf(record, c.var.base, storage));
  };

  /** The job until it has ended. Where the client leaves before, or the server ends, the job is cancelled, as nobody will ask for it. */
  async function* followed(id: string, signal: AbortSignal): AsyncGenerator<JobRecord> {
    let hasEnded = false;
    try {
      for await (const record of queue.watch(id, signal)) {
        hasEnded = isOver(record.state);
        yield record;
      }
    } finally {
      if (!hasEnded) await queue.cancel(id);
    }
    if (!hasEnded) throw new JobError(503, 'The server is stopping');
  }

  app.post(ENDPOINT, async c => {
    const { id } = await submitted(c, true);
    let last: JobRecord | undefined;
    for await (const record of followed(id, c.req.raw.signal)) last = record;
    return result(c, last!);
  });

  app.post(`${ENDPOINT}/stream`, async c => {
    const { id } = await submitted(c, true);
    const { base, queueBase } = c.var;
    return eventStream(c, async function* (signal) {
      let from = 0;
      for await (const record of followed(id, signal)) {
        if (record.finishedAt === undefined) yield statusOf(record, queueBase, from);
        else yield await outputOf(record, base, storage);
        from = record.logs.length;
      }
    });
  });

  app.post(`/queue${ENDPOINT}`, async c => {
    const { id, position } = await submitted(c, false);
    return c.json({
      status: 'IN_QUEUE',
      request_id: id,
      queue_position: position,
      ...addressesOf(id, c.var.queueBase),
    });
  });

  const request = `/queue${ENDPOINT}/requests/:id`;
  app.get(`${request}/status`, async c => {
    const record = await named(c);
    const status = statusOf(record, c.var.queueBase, wantsLogs(c.var.query) ? 0 : null);
    return c.json(status, status.status === 'COMPLETED' ? 200 : 202);
  });
  app.get(`${request}/status/stream`, async c => {
    const { id } = await named(c);
    const { query, queueBase } = c.var;
    return eventStream(c, async function* (signal) {
      let from = 0;
      for await (const record of queue.watch(id, signal)) {
        // The clients add them up.
        yield statusOf(record, queueBase, wantsLogs(query) ? from : null);
        from = record.logs.length;
      }
    });
  });
  app.get(request, async c => {
    const record = await named(c);
    if (record.finishedAt === undefined) throw new JobError(400, 'The request has not ended yet');
    return result(c, record);
  });
  app.put(`${request}/cancel`, async c => {
    const record = await found(c);
    const status = record ? await queue.cancel(record.id) : 'NOT_FOUND';
    return c.json(
      { status },
      ({ CANCELLATION_REQUESTED: 202, ALREADY_COMPLETED: 400, NOT_FOUND: 404 } as const)[status],
    );
  });
}

const wantsLogs = (query: URLSearchParams): boolean => /^(1|true)$/i.test(query.get('logs') ?? '');

function webhookOf(query: URLSearchParams): string | undefined {
  const url = query.get('fal_webhook') ?? undefined;
  if (url !== undefined && !(URL.canParse(url) && /^https?:/i.test(url))) {
    const msg = 'Input should be an address of http or https';
    throw new JobError(422, [{ loc: ['query', 'fal_webhook'], msg, type: 'url_parsing' }]);
  }
  return url;
}

/** Milliseconds within which a client wants its request to begin. */
function startTimeoutOf(c: Ctx): number | undefined {
  const text = c.req.header('x-fal-request-timeout');
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds < 1e9)) {
    const msg = 'Input should be a number of seconds above 0';
    throw new JobError(422, [{ loc: ['header', 'x-fal-request-timeout'], msg, type: 'float_parsing' }]);
  }
  return 1000 * seconds;
}

/** An answer of events. What goes wrong is the last one, and then the answer breaks off, so that no client takes it for a result. */
function eventStream(c: Ctx, events: (signal: AbortSignal) => AsyncGenerator<unknown>): Response {
  const left = new AbortController();
  const { client } = c.env;
  const iterator = events(left.signal);
  const encoder = new TextEncoder();
  let beat: NodeJS.Timeout;
  let isBroken = false;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      beat = setInterval(() => controller.enqueue(encoder.encode(': \n\n')), SILENCE);
    },
    async pull(controller) {
      // The connection ends before anything more is asked for.
      if (isBroken) return new Promise<void>(() => {});
      const send = (text: string) => controller.enqueue(encoder.encode(`${text}\n\n`));
      try {
        const { done, value } = await iterator.next();
        if (!done) return send(`data: ${JSON.stringify(value)}`);
        clearInterval(beat);
        controller.close();
      } catch (error) {
        clearInterval(beat);
        const { status, detail } = jobError(error);
        send(`event: error\ndata: ${JSON.stringify({ status, detail, error_type: errorType(status) })}`);
        isBroken = true;
        const socket = client.outgoing?.socket;
        // What was said is sent before.
        if (socket?.destroySoon) socket.destroySoon();
        else controller.error(new Error(typeof detail === 'string' ? detail : JSON.stringify(detail)));
      }
    },
    async cancel() {
      clearInterval(beat);
      left.abort();
      await iterator.return(undefined);
    },
  });
  return c.body(stream, 200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
}
