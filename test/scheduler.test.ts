// In which parts work is submitted.

import { expect, test } from 'vitest';
import { type BoundDispatch, Scheduler } from '../src/gpu/scheduler.js';

/** How many dispatches each submit has, of `count` alike that are a millisecond each for a device that does what it is thought to do. */
async function submits(software: boolean, count: number): Promise<number[]> {
  const parts: number[] = [];
  let encoded = 0;
  const pass = new Proxy({}, { get: (_, name) => () => name === 'dispatchWorkgroups' && encoded++ });
  const gpu = {
    createCommandEncoder: () => ({ beginComputePass: () => pass, finish: () => null }),
    queue: {
      submit: () => parts.push(encoded - parts.reduce((a, b) => a + b, 0)),
      onSubmittedWorkDone: async () => {},
    },
  };
  const device = {
    gpu,
    adapter: { software },
    checked: async (_: string, work: () => unknown) => work(),
    check: () => {},
  };
  const flops = software ? 5e6 : 1e9;
  const one = { uniforms: null, dispatch: { workgroups: [1, 1, 1], flops, bytes: 0 } } as unknown as BoundDispatch;
  await new Scheduler(device as never).run(new Array(count).fill(one), 'test');
  return parts;
}

test('a GPU begins with an eighth, so that it works while the rest is encoded', async () => {
  expect(await submits(false, 40)).toEqual([5, 35]);
  expect(await submits(false, 3)).toEqual([1, 2]);
});

test('software adapters, which take the processor that encodes, get all that fits', async () => {
  expect(await submits(true, 40)).toEqual([40]);
});

test('no part takes much longer than 60 ms', async () => {
  const parts = await submits(false, 400);
  expect(parts[0]).toBeLessThanOrEqual(60);
  expect(parts[1]).toBeLessThanOrEqual(60);
  expect(parts.reduce((a, b) => a + b, 0)).toBe(400);
});
