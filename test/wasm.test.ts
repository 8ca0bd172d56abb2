// WebAssembly: every kernel it has against its reference, on threads and on one.

import { afterAll, describe, expect, test } from 'vitest';
import { kernelTests } from '../src/kernels/registry.js';
import { createWasmExecutor } from '../src/node/wasm.js';
import { onExecutor, worstOf } from '../src/selftest/kernel-check.js';

const executor = await createWasmExecutor({ threads: 2 });
afterAll(() => executor.destroy());

describe('kernels', () => {
  for (const spec of kernelTests)
    test(`${spec.kernel.name}${spec.convolution ? `, ${spec.convolution}` : ''}`, async () => {
      for (const item of spec.cases) {
        const { where, error } = await worstOf(spec, item, onExecutor(executor));
        expect(error, `${item.name}: ${where}`).toBeLessThanOrEqual(item.tolerance.f32);
      }
    });
});
