// The server as a library: the protocol of the hosted endpoint as a function from request to answer.

export { createHandler, type Handler, type HandlerOptions } from './app.js';
export { createEngine, type EngineOptions } from './engine.js';
export { JobError, QueueFullError, QueueUnavailableError, StorageFullError } from './errors.js';
export { type Listener, type Listening, type ListenOptions, listen } from './listen.js';
export { createLogger, type LogEvent, type Logger } from './log.js';
export { LocalQueue, type LocalQueueOptions } from './queue/local.js';
export { openRedisQueue, type RedisQueueOptions } from './queue/redis.js';
export type { QueueOptions } from './queue/rules.js';
export type { ClientInfo, ClosableSocket, RoutingOptions } from './routing.js';
export { openStorage } from './storage/open.js';
export type { StorageLimits } from './storage/retention.js';
export type * from './types.js';
