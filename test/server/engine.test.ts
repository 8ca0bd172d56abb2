// The process of the engine: what becomes of photos where it breaks, hangs, loses its device or does not start. The program in it is the
// test's; clients.test.ts has the real one.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createEngine, type EngineOptions } from '../../src/server/engine.js';
import { parseInput } from '../../src/server/schema.js';
import type { Engine, EngineResult } from '../../src/server/types.js';
import { temporaryFolder } from './pretended.js';

const program = fileURLToPath(new URL('engine-programs.mjs', import.meta.url));
const { input } = parseInput({ image_url: 'https://pictures.example/a.png' });

let weights: string;
beforeEach(async () => {
  weights = join(await temporaryFolder(), 'broken-once');
});

const opened: Engine[] = [];
afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
});

function open(options: EngineOptions = {}): Engine {
  const engine = createEngine({ program, weights, ...options });
  opened.push(engine);
  return engine;
}

/** Restores a picture of that name. `seed` is the process that did it. */
function restore(engine: Engine, name: string, signal = new AbortController().signal, logs: string[] = []) {
  const log = (message: string) => void logs.push(message);
  return engine.restore(Buffer.from(name), input, { log, signal });
}

const running = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('an engine', () => {
  test('starts once, for all photos, and ends when it is closed', async () => {
    const engine = open();
    expect(engine.info).toBe(undefined);
    const logs: string[] = [];
    const results = await Promise.all([restore(engine, 'quick', undefined, logs), restore(engine, 'quick')]);
    expect(new Set(results.map(({ seed }) => seed)).size).toBe(1);
    expect(logs).toEqual(['begun quick']);
    expect(Buffer.from(results[0]!.image).toString()).toBe('quick');
    expect(await engine.ready()).toEqual({ adapter: `process ${results[0]!.seed}`, model: 'test', memory: 2 });
    expect(engine.info?.memory).toBe(2);
    await engine.close();
    expect(running(results[0]!.seed)).toBe(false);
    expect(engine.info).toBe(undefined);
    await expect(restore(engine, 'quick')).rejects.toMatchObject({ status: 503 });
  });

  test('that does not start says why', async () => {
    const engine = open({ weights: 'none' });
    await expect(engine.ready()).rejects.toMatchObject({ code: 'NO_ADAPTER' });
    await expect(restore(engine, 'quick')).rejects.toMatchObject({ code: 'NO_ADAPTER' });
    await expect(open({ weights: 'dies' }).ready()).rejects.toMatchObject({ code: 'WORKER_FAILED' });
    await expect(open({ program: '/nowhere.mjs' }).ready()).rejects.toMatchObject({ code: 'WORKER_FAILED' });
  });

  test('fails with the errors of the library', async () => {
    const engine = open();
    await expect(restore(engine, 'other')).rejects.toMatchObject({ code: 'INVALID_IMAGE', message: 'no picture' });
    await expect(restore(engine, 'defect')).rejects.toThrow('a defect');
    const { seed } = await restore(engine, 'quick');
    expect(engine.info?.adapter).toBe(`process ${seed}`);
  });
});

describe('a process that breaks', () => {
  test('is started again, and its photo is begun again', async () => {
    const onBroken = vi.fn();
    const engine = open({ onBroken });
    const before = await restore(engine, 'quick');
    const logs: string[] = [];
    const after = await restore(engine, 'kills-once', undefined, logs);
    expect(after.seed).not.toBe(before.seed);
    expect(logs).toEqual(['begun kills-once', 'The engine broke off; the picture is begun again', 'begun kills-once']);
    expect(onBroken).toHaveBeenCalledOnce();
  });

  test('twice over the same photo ends that one, and no other', async () => {
    const engine = open();
    const [quick, slow, kills, later] = await Promise.allSettled([
      restore(engine, 'quick'),
      restore(engine, 'slow 300'),
      restore(engine, 'kills'),
      restore(engine, 'slow 10'),
    ]);
    expect(kills).toMatchObject({
      status: 'rejected',
      reason: { status: 500, detail: 'The engine broke off twice over this picture' },
    });
    for (const other of [quick, slow, later]) expect(other.status).toBe('fulfilled');
    expect((await restore(engine, 'quick')).width).toBe(1);
  });

  test('loses its device: the photo is begun again in the same process', async () => {
    const onBroken = vi.fn();
    const engine = open({ onBroken });
    const { seed } = await restore(engine, 'quick');
    expect((await restore(engine, 'loses-once')).seed).toBe(seed);
    expect(onBroken).not.toHaveBeenCalled();
  });
});

describe('a photo that is given up', () => {
  test('is told to the process', async () => {
    const engine = open();
    const left = new AbortController();
    const { seed } = await restore(engine, 'quick');
    const slow = restore(engine, 'slow 60000', left.signal);
    setTimeout(() => left.abort(), 50);
    await expect(slow).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await restore(engine, 'quick')).seed).toBe(seed);
  });

  test('and goes on nevertheless ends the process, and other photos are begun again', async () => {
    const engine = open({ grace: 200 });
    const left = new AbortController();
    const { seed } = await restore(engine, 'quick');
    const hangs = restore(engine, 'hangs', left.signal);
    const other: Promise<EngineResult> = restore(engine, 'slow 2000');
    setTimeout(() => left.abort(), 50);
    await expect(hangs).rejects.toThrow();
    expect((await other).seed).not.toBe(seed);
    expect(running(seed)).toBe(false);
  });
});
