// `codeformer serve`: the protocol of the hosted endpoint, on this machine.

import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { untilAborted } from '../abort.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { cacheFolder } from '../node/cache.js';
import { packageFolder } from '../node/package.js';
import { createHandler, queueLimits } from '../server/app.js';
import { Keys } from '../server/auth.js';
import { LIMITS } from '../server/limits.js';
import { type Listening, type ListenOptions, listen } from '../server/listen.js';
import { Routing } from '../server/routing.js';
import { command } from './command.js';
import { EXIT_CODES } from './errors.js';
import { type Flags, numberFlag } from './flags.js';
import { isFolder, portFlag, SERVING_FLAGS, serving } from './serving.js';

const FLAGS = {
  ...SERVING_FLAGS,
  host: { value: 'NAME', help: 'name or address to listen at (default 127.0.0.1, which only this machine reaches)' },
  port: { value: 'N', help: 'port to listen at (default 8080)' },
  key: {
    value: 'KEYS',
    help: 'keys that requests need, with commas between; also as CODEFORMER_KEYS in the environment',
  },
  'no-key': { help: 'let everybody in, also on other hosts than the default' },
  cert: { value: 'FILE', help: 'certificate for TLS, in PEM, with those that it depends on' },
  'tls-key': { value: 'FILE', help: 'key of the certificate, in PEM' },
  queue: { value: 'N', help: 'most requests that wait (default 1000)' },
  cors: { value: 'LIST', help: 'origins of pages that may use the server, as https://example.org, or *' },
  'trust-proxy': { value: 'LIST', help: 'addresses or blocks of proxies whose X-Forwarded headers are believed' },
  'public-url': { value: 'URL', help: 'address of the server in its answers; else that of each request' },
} as const satisfies Flags;

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

const listed = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '');

export const serve = command({
  summary: 'serve the hosted API on this machine',
  usage: '[flags]',
  about: `Answers as the hosted endpoint fal-ai/codeformer does, so that its clients work with this machine instead: restores pictures at once
or in a queue, with logs, webhooks and uploads. /openapi.json describes it; GET / is the web page, where it is built.`,
  notes: `Requests that wait, and results, survive a restart. SIGTERM and Ctrl-C let requests that are worked on end first, for at most
${LIMITS.drainTime / 1000} s; those that wait go on with the next start. The log is on stderr, a line of JSON for each event; --quiet leaves warnings and errors.
`,
  flags: FLAGS,
  async run({ values }, io) {
    const { host = '127.0.0.1', storage: place = join(cacheFolder(io.env), 'server') } = values;
    const keys = listed(values.key ?? io.env.CODEFORMER_KEYS);
    if (!isLoopback(host) && keys.length === 0 && !values['no-key'])
      throw invalidArgument('--key as well, or --no-key to let everybody in,', '--host', host);
    if (keys.length > 0 && values['no-key']) throw invalidArgument('no --key beside it', '--no-key', true);
    const whole = (value: number) => Number.isSafeInteger(value) && value > 0;
    const queueLimit = numberFlag('queue', values.queue, 'a whole number of at least 1', whole);
    const port = portFlag(values.port);
    const tls = tlsFlags(values.cert, values['tls-key']);
    const publicUrl = values['public-url'];
    const trustedProxies = listed(values['trust-proxy']);
    // They are checked before anything is opened.
    new Keys(keys);
    new Routing({ publicUrl, trustedProxies });
    const { engine, logger, maxPixels, allowPrivateUrls, ...parts } = await serving(values, io);
    const redis = await parts.openRedis(queueLimits({ queueLimit, keys }));
    let listening: Listening | undefined;
    const handler = createHandler({
      ...{ keys, maxPixels, queueLimit, logger, publicUrl, trustedProxies, allowPrivateUrls },
      // Workers have engines of their own.
      engine: redis ? null : engine,
      storage: await parts.openStorage(place),
      queue: redis ?? join(isFolder(place) ? place : join(cacheFolder(io.env), 'server'), 'jobs'),
      cors: listed(values.cors),
      hosts: keys.length > 0 || !isLoopback(host) ? undefined : ownNames(host, publicUrl),
      page: join(packageFolder(), 'dist/page'),
      active: () => listening?.active ?? 0,
    });
    try {
      listening = await listen(handler, { host, port, tls });
      logger.info({ url: listening.url }, 'listening');
      const info = await Promise.race([handler.ready(), untilAborted(io.signal)]);
      if (!io.signal.aborted) logger.info(info ?? {}, 'ready');
      await untilAborted(io.signal);
      logger.info('draining');
    } finally {
      await Promise.all([listening?.close(LIMITS.drainTime), handler.close({ deadline: LIMITS.drainTime })]);
    }
    return EXIT_CODES.done;
  },
});

function tlsFlags(cert: string | undefined, key: string | undefined): ListenOptions['tls'] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new CodeFormerError('INVALID_ARGUMENT', 'Expected --cert and --tls-key together');
  return { cert, key };
}

/** The names of a server that only this machine reaches: a page of another site, whose name leads here, has no business with it. */
function ownNames(host: string, publicUrl: string | undefined): string[] {
  const names = ['localhost', '127.0.0.1', '[::1]', host];
  if (publicUrl !== undefined && URL.canParse(publicUrl)) names.push(new URL(publicUrl).hostname);
  return names;
}
