// Times of dispatches: by the timestamps of the device where it has some, else by the clock.

import type { Context } from './context.js';
import { BufferUsage, MapMode } from './flags.js';
import { type BoundDispatch, encodePass } from './scheduler.js';

/** What short work is repeated to, in milliseconds: clocks of browsers are coarse, and a submit costs something as well. */
const LEAST_MS = 2;

/** GPUs lower their clock when there is nothing to do, and take a while to raise it: so long they work before anything is measured. */
const WARM_MS = 100;

/** Whether the device tells the time itself. */
export const hasTimestamps = (device: Context): boolean => device.gpu.features.has('timestamp-query');

/**
 * Milliseconds of dispatches that have run before.
 * @param options the median of so many runs counts, or one run where that takes longer than `most`
 */
export async function timeOf(
  device: Context,
  dispatches: readonly BoundDispatch[],
  { runs, most }: { readonly runs: number; readonly most: number },
): Promise<number> {
  const timed = hasTimestamps(device) ? byTimestamps : byClock;
  await warmUp(device, () => timed(device, dispatches));
  const first = await timed(device, dispatches);
  if (first > most) return first;
  const times = Math.min(50, Math.max(1, Math.ceil(LEAST_MS / Math.max(first, 0.01))));
  const repeated = Array.from({ length: times }, () => dispatches).flat();
  const each: number[] = [];
  for (let run = 0; run < runs; run++) each.push((await timed(device, repeated)) / times);
  return each.sort((a, b) => a - b)[runs >> 1]!;
}

/** Keeps a GPU busy until its clock is up; software adapters have none of their own. */
async function warmUp({ adapter }: Context, work: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + WARM_MS;
  while (!adapter.software && performance.now() < end) await work();
}

async function byClock(device: Context, dispatches: readonly BoundDispatch[]): Promise<number> {
  const start = performance.now();
  await device.submit(dispatches, 'timing');
  await device.gpu.queue.onSubmittedWorkDone();
  return performance.now() - start;
}

async function byTimestamps(device: Context, dispatches: readonly BoundDispatch[]): Promise<number> {
  const { gpu } = device;
  const query = gpu.createQuerySet({ type: 'timestamp', count: 2 });
  const resolved = gpu.createBuffer({ size: 16, usage: BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC });
  const staging = gpu.createBuffer({ size: 16, usage: BufferUsage.COPY_DST | BufferUsage.MAP_READ });
  try {
    await device.checked('timing', () => {
      const encoder = gpu.createCommandEncoder({ label: 'timing' });
      const timestampWrites = { querySet: query, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
      encodePass(encoder, dispatches, { label: 'timing', timestampWrites });
      encoder.resolveQuerySet(query, 0, 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
      gpu.queue.submit([encoder.finish()]);
    });
    await staging.mapAsync(MapMode.READ);
    const [begin, end] = new BigInt64Array(staging.getMappedRange());
    return Number(end! - begin!) / 1e6;
  } finally {
    query.destroy();
    resolved.destroy();
    staging.destroy();
  }
}
