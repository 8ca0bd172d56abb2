// What `serve` and `worker` have in common: the flags of the engine, of the storage and of the queue, and what is made of them.

import { join } from 'node:path';
import type { EngineOptions } from '../server/engine.js';
import { createLogger, type Logger } from '../server/log.js';
import { openRedisQueue, type RedisQueueOptions } from '../server/queue/redis.js';
import { openStorage } from '../server/storage/open.js';
import type { StorageLimits } from '../server/storage/retention.js';
import type { JobQueue, Storage } from '../server/types.js';
import { ROLES } from '../weights/manifest.js';
import { chooseWeights, engineFlags, NETWORK_FLAGS } from './engine.js';
import { COMMON_FLAGS, DEVICE_FLAGS, type Flags, type FlagValues, numberFlag } from './flags.js';
import { type Io, talk } from './io.js';

const { weights, quiet } = COMMON_FLAGS;

export const SERVING_FLAGS = {
  redis: {
    value: 'URL',
    help: 'Redis that keeps the requests, for workers to take, as redis://host:6379; also as CODEFORMER_REDIS in the environment',
  },
  storage: {
    value: 'PLACE',
    help: 'folder, or s3://bucket, for results and uploads; else a folder in the cache folder',
  },
  'keep-hours': { value: 'H', help: 'how long results and uploads are kept (default 24)' },
  'keep-gigabytes': { value: 'GB', help: 'how much of them is kept (default 10)' },
  'allow-private-urls': { help: 'fetch pictures from, and send webhooks to, private networks as well' },
  'max-megapixels': { value: 'N', help: 'largest picture that is read or made (default 100)' },
  weights,
  ...NETWORK_FLAGS,
  ...DEVICE_FLAGS,
  quiet,
} as const satisfies Flags;

export interface Serving {
  readonly engine: EngineOptions;
  readonly logger: Logger;
  readonly maxPixels: number | undefined;
  readonly allowPrivateUrls: boolean | undefined;
  /** Opens what is at a place; of a folder, the part that is for files. */
  openStorage(place: string, limits?: StorageLimits): Promise<Storage>;
  /** Opens the queue on Redis; null where none is named. */
  openRedis(options?: Pick<RedisQueueOptions, 'limit' | 'limitPerOwner' | 'lost'>): Promise<JobQueue | null>;
}

export const isFolder = (place: string): boolean => !/^[a-z][a-z0-9+.-]+:\/\//i.test(place);

/** Checks the flags. Throws as `chooseWeights`. */
export async function serving(values: Partial<FlagValues<typeof SERVING_FLAGS>>, io: Io): Promise<Serving> {
  const positive = (name: 'max-megapixels' | 'keep-hours' | 'keep-gigabytes') =>
    numberFlag(name, values[name], 'a number above 0', value => value > 0 && Number.isFinite(value));
  const [megapixels, hours, gigabytes] = [
    positive('max-megapixels'),
    positive('keep-hours'),
    positive('keep-gigabytes'),
  ];
  const { engine: device } = engineFlags(values);
  const networks = await chooseWeights(values, ROLES, io);
  const { restorer, ...others } = networks.weights;
  const say = talk(io, values.quiet ?? false);
  for (const warning of networks.warnings) say.warn(warning);
  const logger = createLogger(values.quiet ? 'warn' : 'info', io.stderr);
  const maxPixels = megapixels && Math.round(1e6 * megapixels);
  const maxAge = hours && 3_600_000 * hours;
  const kept = { maxAge, maxBytes: gigabytes && 1e9 * gigabytes };
  const redis = values.redis ?? io.env.CODEFORMER_REDIS;
  return {
    ...{ logger, maxPixels, allowPrivateUrls: values['allow-private-urls'] },
    engine: { weights: restorer, ...others, ...device, maxPixels },
    openStorage: (place, limits) => openStorage(isFolder(place) ? join(place, 'files') : place, { ...kept, ...limits }),
    openRedis: async options =>
      redis ? openRedisQueue(redis, { maxAge, onError: error => logger.error(error), ...options }) : null,
  };
}

/** The port of a flag; 0 for any that is free. */
export const portFlag = (text: string | undefined): number | undefined =>
  numberFlag('port', text, 'a port from 0 to 65535', value => Number.isInteger(value) && value >= 0 && value < 65536);
