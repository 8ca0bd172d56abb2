// Bundles a TypeScript program of this project and runs it: `node scripts/run.mjs bench/main.ts kernels --filter 3x3`.

import { basename, dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { wasmKernels } from './kernels.mjs';

const path = name => fileURLToPath(new URL(name, new URL('..', import.meta.url)));
const [entry] = process.argv.splice(2, 1);
const outfile = path(`.cache/${basename(dirname(entry))}-${basename(entry, '.ts')}.mjs`);

await esbuild.build({
  entryPoints: [path(entry)],
  outfile,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  packages: 'external',
  loader: { '.wgsl': 'text' },
  plugins: [wasmKernels],
  sourcemap: 'inline',
  logLevel: 'warning',
});
await import(pathToFileURL(outfile).href);
