import { defineConfig } from 'vitest/config';
import { viteWasmKernels } from './scripts/kernels.mjs';

/** Imports `.wgsl` files as text, as the build does. */
const wgsl = {
  name: 'wgsl',
  transform(code: string, id: string) {
    return id.endsWith('.wgsl') ? { code: `export default ${JSON.stringify(code)};`, map: null } : null;
  },
};

export default defineConfig({
  plugins: [wgsl, viteWasmKernels],
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // These have a configuration of their own.
    exclude: ['test/examples/**'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // A software adapter takes every core, so test files run one after another.
    fileParallelism: false,
  },
});
