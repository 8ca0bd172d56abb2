// What only the queue of one process has: its files. What holds for every queue is in queue.test.ts.

import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LocalQueue, type LocalQueueOptions } from '../../src/server/queue/local.js';
import { parseInput } from '../../src/server/schema.js';
import type { Job, JobOutput, JobQueue } from '../../src/server/types.js';
import { temporaryFolder } from './pretended.js';

const { input } = parseInput({ image_url: 'https://pictures.example/a.png' });
const OUTPUT: JobOutput = {
  image: { key: 'results/a', width: 1, height: 2, contentType: 'image/png', fileName: 'a.png', fileSize: 3 },
  seed: 7,
};

function jobOf(rest: Partial<Job> = {}): Job {
  const createdAt = Date.now();
  const base = 'http://server.example';
  return { id: randomUUID(), owner: '', input, base, createdAt, deadline: createdAt + 60_000, ...rest };
}

const opened: LocalQueue[] = [];
afterEach(async () => {
  for (const queue of opened.splice(0)) await queue.close();
});

function open(options: LocalQueueOptions): LocalQueue {
  const queue = new LocalQueue(options);
  opened.push(queue);
  return queue;
}

async function ended(queue: JobQueue, id: string) {
  for await (const record of queue.watch(id, AbortSignal.timeout(10_000))) if (record.finishedAt) return record;
  throw new Error('it has not ended');
}

const fileOf = (folder: string, id: string) => join(folder, `${id}.json`);

/** What the file of a job says, changed. */
async function changeFile(folder: string, id: string, change: object): Promise<void> {
  const stored = JSON.parse(await readFile(fileOf(folder, id), 'utf8'));
  await writeFile(fileOf(folder, id), JSON.stringify({ ...stored, ...change }));
}

describe('a process that was killed', () => {
  test('left jobs that go on, in their order, those that ran first', async () => {
    const folder = await temporaryFolder();
    const first = open({ folder });
    const jobs = [jobOf(), jobOf(), jobOf()];
    for (const job of jobs) await first.submit(job);
    await first.close();
    await changeFile(folder, jobs[0]!.id, { state: 'IN_PROGRESS', startedAt: Date.now(), attempts: 1 });
    const second = open({ folder });
    expect(await second.get(jobs[0]!.id)).toMatchObject({ state: 'IN_QUEUE', position: 0, attempts: 1 });
    expect(await second.get(jobs[2]!.id)).toMatchObject({ state: 'IN_QUEUE', position: 2, attempts: 0 });
    const order: string[] = [];
    second.work(
      async ({ id }) => {
        order.push(id);
        return OUTPUT;
      },
      { concurrency: 1 },
    );
    expect(await ended(second, jobs[2]!.id)).toMatchObject({ state: 'COMPLETED', output: OUTPUT });
    expect(order).toEqual(jobs.map(({ id }) => id));
    expect(await second.get(jobs[0]!.id)).toMatchObject({ attempts: 2 });
  });

  test('is not killed a third time by the same job', async () => {
    const folder = await temporaryFolder();
    const first = open({ folder });
    const job = jobOf();
    await first.submit(job);
    await first.close();
    await changeFile(folder, job.id, { state: 'IN_PROGRESS', attempts: 2 });
    const second = open({ folder });
    const failure = { status: 500, detail: 'The server ended 2 times while this was worked on' };
    expect(await second.get(job.id)).toMatchObject({ state: 'COMPLETED', failure });
  });

  test('left files that are broken: they are told of, and the others are read', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'broken.json'), '{');
    await writeFile(join(folder, 'other.txt'), 'x');
    const onError = vi.fn();
    const queue = open({ folder, onError });
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0 });
    expect(onError).toHaveBeenCalledOnce();
  });

  test('left its lock, which is taken when nobody touches it', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'lock'), 'of one who is gone');
    expect(await open({ folder }).counts()).toEqual({ waiting: 0, active: 0 });
  });
});

test('a folder is of one process at a time', async () => {
  const folder = await temporaryFolder();
  await open({ folder }).counts();
  await expect(open({ folder }).counts()).rejects.toThrow(/is held by another process/);
});

test('a job whose file cannot be written is refused, and takes no place', async () => {
  const folder = await temporaryFolder();
  const queue = open({ folder, limit: 1 });
  // What is in the place of its file cannot be replaced.
  const job = jobOf({ id: 'missing/folder' });
  await writeFile(join(folder, 'missing'), '');
  await expect(queue.submit(job)).rejects.toMatchObject({ status: 507 });
  expect(await queue.get(job.id)).toBe(undefined);
  expect(await queue.submit(jobOf())).toMatchObject({ state: 'IN_QUEUE', position: 0 });
});

test('what has ended goes from the folder after its time, and what is too much', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
  try {
    const folder = await temporaryFolder();
    const queue = open({ folder, maxAge: 90_000, maxEnded: 2 });
    queue.work(async () => OUTPUT, { concurrency: 1 });
    const jobs = [jobOf(), jobOf(), jobOf()];
    for (const { id } of await Promise.all(jobs.map(job => queue.submit(job)))) await ended(queue, id);
    const files = async () => (await readdir(folder)).filter(name => name.endsWith('.json')).length;
    await expect.poll(files).toBe(2);
    expect(await queue.get(jobs[0]!.id)).toBe(undefined);
    vi.advanceTimersByTime(60_000);
    expect(await queue.get(jobs[2]!.id)).toMatchObject({ state: 'COMPLETED' });
    vi.advanceTimersByTime(60_000);
    await expect.poll(files).toBe(0);
    expect(await queue.get(jobs[2]!.id)).toBe(undefined);
  } finally {
    vi.useRealTimers();
  }
});

test('what is written is whole: there are no other files', async () => {
  const folder = await temporaryFolder();
  const queue = open({ folder });
  queue.work(async () => OUTPUT, { concurrency: 2 });
  const ids = await Promise.all(Array.from({ length: 20 }, async () => (await queue.submit(jobOf())).id));
  for (const id of ids) await ended(queue, id);
  await queue.close();
  expect((await readdir(folder)).sort()).toEqual(ids.map(id => `${id}.json`).sort());
  for (const id of ids)
    expect(JSON.parse(await readFile(fileOf(folder, id), 'utf8'))).toMatchObject({ output: OUTPUT });
});
