// The server as a function from request to answer: the protocol of the hosted endpoint, for Node, other apps, and in process.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFolder, packageVersion } from '../node/package.js';
import { Keys } from './auth.js';
import { createEngine, type EngineOptions } from './engine.js';
import { LIMITS } from './limits.js';
import type { Logger } from './log.js';
import { Metrics } from './metrics.js';
import { Webhooks } from './network/webhook.js';
import { openPage } from './page.js';
import { LocalQueue } from './queue/local.js';
import { createApp } from './routes.js';
import { type ClientInfo, Routing, type RoutingOptions } from './routing.js';
import { openStorage } from './storage/open.js';
import type { Engine, EngineInfo, JobQueue, Storage } from './types.js';
import type { App } from './uploads.js';
import { startWorking } from './working.js';

/** What a server is made of, and what it allows. */
export interface HandlerOptions extends RoutingOptions {
  /** Keys, one of which each request needs as `Authorization: Key ...`. Default none: everybody may do everything. */
  readonly keys?: readonly string[] | undefined;
  /** Where results and uploads are kept: a folder, `s3://bucket`, or a storage. Default a temporary folder, which goes with the handler. */
  readonly storage?: string | Storage | undefined;
  /** Where jobs are kept: a folder, or a queue. Default in memory. */
  readonly queue?: string | JobQueue | undefined;
  /** Most jobs that wait, where `queue` is no queue. Default 1000. */
  readonly queueLimit?: number | undefined;
  /** What restores photos: options of a process, an engine, or null where others work on the queue. Default a process with the embedded weights. */
  readonly engine?: EngineOptions | Engine | null | undefined;
  /** Pictures and webhooks may be of private networks. Default false. */
  readonly allowPrivateUrls?: boolean | undefined;
  /** Most pixels of a photo and of its result. Default 100 million. */
  readonly maxPixels?: number | undefined;
  /** Most bytes of a photo. Default 50 MB. */
  readonly maxBytes?: number | undefined;
  /** Bytes that each key may upload within an hour. Default 2 GB. */
  readonly uploadBytesPerHour?: number | undefined;
  /** Milliseconds from a request until its job has ended. Default an hour. */
  readonly deadline?: number | undefined;
  /** Milliseconds that the work on a job may take. Default ten minutes. */
  readonly jobTimeout?: number | undefined;
  /** Origins of pages that may use the server, as `https://example.org`; `*` for all. Default none. */
  readonly cors?: readonly string[] | undefined;
  /** Names by which the server may be asked, without port: pages of other sites could make theirs lead here. Default all. */
  readonly hosts?: readonly string[] | undefined;
  /** A folder with the web page, which `GET /` serves, with the weights of the package. Default none. */
  readonly page?: string | undefined;
  /** Default none. */
  readonly logger?: Logger | undefined;
  /** Requests that are being answered, for the metrics. */
  readonly active?: (() => number) | undefined;
}

/** A server as a function. */
export interface Handler {
  /**
   * Answers a request.
   * @param request of any host
   * @param client what is known of its client beside it
   */
  (request: Request, client?: ClientInfo): Promise<Response>;
  /**
   * Resolves when photos are taken.
   * @returns what is known of the engine; null where others work on the queue
   * @throws what keeps the storage, the queue or the engine from that
   */
  ready(): Promise<EngineInfo | null>;
  /**
   * Takes no more requests, waits for jobs that run until the deadline (milliseconds from now), and leaves the others for the next start.
   * @throws what the storage or the queue end with
   */
  close(options?: { readonly deadline?: number | undefined }): Promise<void>;
}

/** Jobs that are begun at once: one is restored, another one is fetched or decoded, a third one encoded. */
const CONCURRENCY = 3;

/**
 * Makes a handler of requests, which works in this process but for the engine.
 * @throws `INVALID_ARGUMENT`
 */
export function createHandler(options: HandlerOptions = {}): Handler {
  const [keys, routing] = [new Keys(options.keys ?? []), new Routing(options)];
  const opening = openServer(options, keys, routing);
  // Whoever asks is told.
  opening.catch(() => {});
  const handle = async (request: Request, client: ClientInfo = {}): Promise<Response> => {
    const server = await opening.catch(error => {
      options.logger?.error(error);
      return null;
    });
    if (!server) return Response.json({ detail: 'The server could not start' }, { status: 503 });
    return server.app.fetch(request, { client });
  };
  const ready = async () => (await opening).ready();
  const close = async ({ deadline = LIMITS.drainTime }: { readonly deadline?: number | undefined } = {}) => {
    await (await opening.catch(() => null))?.close(deadline);
  };
  return Object.assign(handle, { ready, close });
}

interface Server {
  readonly app: App;
  ready(): Promise<EngineInfo | null>;
  close(deadline: number): Promise<void>;
}

async function openServer(options: HandlerOptions, keys: Keys, routing: Routing): Promise<Server> {
  const { logger, allowPrivateUrls: allowPrivate = false, maxPixels, maxBytes = LIMITS.downloadBytes } = options;
  let closing = false;
  const temporary = options.storage === undefined ? await mkdtemp(join(tmpdir(), 'codeformer-server-')) : undefined;
  const place = options.storage ?? temporary!;
  const storage = typeof place === 'string' ? await openStorage(place) : place;
  const onError = (error: unknown) => logger?.error(error);
  const queue =
    typeof options.queue === 'object'
      ? options.queue
      : new LocalQueue({ folder: options.queue, ...queueLimits(options), onError });
  const webhooks = new Webhooks({ allowPrivate });
  const broken = () => {
    logger?.error('The process of the engine broke');
    metrics.engineRestarted();
  };
  const engine = openEngine({ ...options, onBroken: broken });
  const metrics = new Metrics({
    queue,
    engine: engine ? () => engine.info : undefined,
    webhooks,
    active: options.active,
  });
  const page = options.page === undefined ? null : await openPage(options.page, join(packageFolder(), 'weights'));
  if (engine) {
    engine.ready().catch(onError);
    const limits = { concurrency: CONCURRENCY, allowPrivate, maxBytes, maxPixels, timeout: options.jobTimeout };
    startWorking({ queue, storage, engine, webhooks, metrics, logger, ...limits });
  }
  const app = createApp({
    ...{ keys, routing, storage, queue, metrics, page, logger, maxBytes, maxPixels },
    deadline: options.deadline ?? 60 * 60_000,
    uploadBytesPerHour: options.uploadBytesPerHour ?? LIMITS.uploadBytesPerHour,
    cors: options.cors ?? [],
    hosts: options.hosts ?? null,
    // Where others work, the queue is between them and this.
    isReady: async () => !closing && (engine ? engine.info !== undefined : await canBeAsked(queue)),
    version: await packageVersion(),
  });
  return {
    app,
    ready: async () => {
      await queue.counts();
      return (await engine?.ready()) ?? null;
    },
    async close(deadline) {
      closing = true;
      const until = Date.now() + deadline;
      await queue.close({ deadline });
      await webhooks.close(Math.max(0, until - Date.now()));
      await engine?.close();
      await storage.close();
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    },
  };
}

/** One of several keys takes half of the places of a queue, so that there are always some for others. */
export function queueLimits({ queueLimit = LIMITS.queue, keys = [] }: Pick<HandlerOptions, 'queueLimit' | 'keys'>) {
  return { limit: queueLimit, limitPerOwner: keys.length > 1 ? Math.ceil(queueLimit / 2) : queueLimit };
}

const canBeAsked = (queue: JobQueue): Promise<boolean> =>
  queue.counts().then(
    () => true,
    () => false,
  );

function openEngine({
  engine,
  maxPixels,
  onBroken,
}: Pick<HandlerOptions, 'engine' | 'maxPixels'> & { readonly onBroken: () => void }): Engine | null {
  if (engine === null) return null;
  return engine && 'restore' in engine ? engine : createEngine({ maxPixels, onBroken, ...engine });
}
