// `codeformer worker`: does the jobs of servers that share a Redis with it.

import { untilAborted } from '../abort.js';
import { CodeFormerError } from '../errors.js';
import { CONDITION_PATHS, conditionOf } from '../server/condition.js';
import { createEngine } from '../server/engine.js';
import { LIMITS } from '../server/limits.js';
import { listen } from '../server/listen.js';
import { Metrics } from '../server/metrics.js';
import { Webhooks } from '../server/network/webhook.js';
import { startWorking } from '../server/working.js';
import { command } from './command.js';
import { EXIT_CODES } from './errors.js';
import { type Flags, numberFlag } from './flags.js';
import { portFlag, SERVING_FLAGS, serving } from './serving.js';

/** One is restored, and the next one fetched and decoded; more would keep other workers waiting. */
const CONCURRENCY = 2;

/** Milliseconds between times when a worker looks through the storage: servers do that more often. */
const STORAGE_INTERVAL = 600_000;

const FLAGS = {
  ...SERVING_FLAGS,
  'lost-after': { value: 'S', help: 'seconds without a sign of life after which others take over (default 30)' },
  host: { value: 'NAME', help: 'name or address of --port (default 127.0.0.1)' },
  port: { value: 'N', help: 'port of /health, /ready and /metrics; else there are none' },
} as const satisfies Flags;

export const worker = command({
  summary: 'restore photos for servers that share a Redis',
  usage: '--redis URL --storage PLACE [flags]',
  about: `Takes the requests of all \`codeformer serve --redis URL\` with the same Redis, as many workers as there are, and puts the results into
the storage that they share. One that is killed loses no request: another one begins it again.`,
  notes: `SIGTERM and Ctrl-C let requests that are worked on end first, for at most ${LIMITS.drainTime / 1000} s; others take what is left. The log is on
stderr, a line of JSON for each event; --quiet leaves warnings and errors.
`,
  flags: FLAGS,
  async run({ values }, io) {
    const port = portFlag(values.port);
    const lost = numberFlag('lost-after', values['lost-after'], 'a number of seconds from 1 to 3600', isSeconds);
    if (values.storage === undefined) throw missing('--storage PLACE, which is that of the servers,');
    const { logger, maxPixels, allowPrivateUrls: allowPrivate, ...parts } = await serving(values, io);
    const closing: (() => Promise<void>)[] = [];
    try {
      const queue = await parts.openRedis({ lost: lost && 1000 * lost });
      if (!queue) throw missing('--redis URL');
      closing.push(() => queue.close({ deadline: LIMITS.drainTime }));
      const webhooks = new Webhooks({ allowPrivate });
      closing.push(() => webhooks.close());
      const onBroken = () => {
        logger.error('The process of the engine broke');
        metrics.engineRestarted();
      };
      const engine = createEngine({ ...parts.engine, onBroken });
      closing.push(() => engine.close());
      const storage = await parts.openStorage(values.storage, { interval: STORAGE_INTERVAL });
      closing.push(() => storage.close());
      const metrics = new Metrics({ queue, webhooks, engine: () => engine.info });
      if (port !== undefined) {
        const answer = async ({ url }: Request) => {
          const path = CONDITION_PATHS.find(known => known === new URL(url).pathname);
          return path
            ? conditionOf(path, metrics, () => engine.info !== undefined)
            : Response.json({ detail: 'Not found' }, { status: 404 });
        };
        const listening = await listen(answer, { host: values.host, port });
        closing.push(() => listening.close());
        logger.info({ url: listening.url }, 'listening');
      }
      await Promise.race([engine.ready(), untilAborted(io.signal)]);
      if (!io.signal.aborted) {
        const limits = { concurrency: CONCURRENCY, allowPrivate, maxPixels };
        startWorking({ queue, storage, engine, webhooks, metrics, logger, ...limits });
        logger.info(engine.info, 'ready');
      }
      await untilAborted(io.signal);
      logger.info('draining');
    } finally {
      for (const close of closing) await close();
    }
    return EXIT_CODES.done;
  },
});

const isSeconds = (value: number): boolean => value >= 1 && value <= 3600;

const missing = (what: string) => new CodeFormerError('INVALID_ARGUMENT', `Expected ${what} for worker`);
