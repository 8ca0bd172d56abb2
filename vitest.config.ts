import { defineConfig } from 'vitest/config';
import { viteWasmKernels } from './scripts/kernels.mjs';

/** Imports `.wgsl` files as text, as the build does. */
const wgsl = {
  name: 'wgsl',
  transform(code: string, id: string) {
    return id.endsWith('.wgsl') ? { code: `export default ${JSON.stringify(code)};`, map: null } : null;
  },
};

/** What a software adapter has no part in: mostly it waits, for processes, servers and files. */
const WAITING = [
  ...['cli', 'image', 'server', 'weights'].map(folder => `test/${folder}/**/*.test.ts`),
  ...['examples', 'package', 'readme'].map(name => `test/${name}.test.ts`),
];
/** Pages in browsers, which mostly compute in one thread. */
const PAGES = 'test/web/**/*.test.ts';
/** These have a configuration of their own. */
const EXAMPLES = 'test/examples/**';

export default defineConfig({
  plugins: [wgsl, viteWasmKernels],
  test: {
    globalSetup: ['test/run-folder.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'waiting', include: WAITING, maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: { name: 'pages', include: [PAGES], maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: {
          name: 'computing',
          include: ['test/**/*.test.ts'],
          exclude: [...WAITING, PAGES, EXAMPLES],
          // A software adapter takes every core, so test files run one after another.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
