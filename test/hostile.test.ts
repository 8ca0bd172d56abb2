// Bad arguments are refused with typed errors, whatever they are, before anything is done.

import { expect, test } from 'vitest';
import { describe, invalidArgument } from '../src/errors.js';
import { testExecutor } from './device.js';
import { hostileCalls } from './hostile.js';

test('every call with every option', { timeout: 600_000 }, async () => {
  const device = await testExecutor();
  const before = device.memory.allocated;
  const { count, untyped } = await hostileCalls(device);
  expect(untyped).toEqual([]);
  expect(count).toBeGreaterThan(10_000);
  expect(device.memory.allocated).toBe(before);
});

test('describing a value never throws, and is short', () => {
  const hostile = [
    { constructor: { name: 'x'.repeat(5000) } },
    { constructor: { name: { toString: () => 'code' } } },
    Object.create(null),
    new Proxy({}, { get: () => expect.fail() }),
    Symbol('secret'),
    10n ** 500n,
    'long '.repeat(500),
    'line\nline',
  ];
  for (const value of hostile) {
    expect(describe(value).length).toBeLessThan(100);
    expect(describe(value)).not.toContain('\n');
    expect(invalidArgument('something', 'name', value)).toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
});
