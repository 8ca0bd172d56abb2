// Bundles the benches and runs them: `node scripts/bench.mjs kernels --filter 3x3`. See bench/main.ts.

import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const path = name => fileURLToPath(new URL(name, new URL('..', import.meta.url)));
const outfile = path('.cache/bench.mjs');

await esbuild.build({
  entryPoints: [path('bench/main.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  packages: 'external',
  loader: { '.wgsl': 'text' },
  sourcemap: 'inline',
  logLevel: 'warning',
});
await import(pathToFileURL(outfile).href);
