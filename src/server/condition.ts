// What those ask who look after a server or a worker.

import type { Metrics } from './metrics.js';

export const CONDITION_PATHS = ['/health', '/ready', '/metrics'] as const;

/** The answer at one of the paths. */
export async function conditionOf(
  path: (typeof CONDITION_PATHS)[number],
  metrics: Metrics,
  isReady: () => boolean | Promise<boolean>,
): Promise<Response> {
  if (path === '/health') return Response.json({ status: 'ok' });
  if (path === '/metrics')
    return new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } });
  return (await isReady())
    ? Response.json({ status: 'ready' })
    : Response.json({ status: 'not ready' }, { status: 503 });
}
