// Bundles the sources into dist: the library for Node and for browsers, and the command line, which shares its code with the
// library for Node. Prints the sizes of what browsers load and fails where they are too large.

import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { denseShaders, fromBundle, minified, shadersFirst, usedMatrices } from './shrink.mjs';

const root = new URL('..', import.meta.url);
const path = name => fileURLToPath(new URL(name, root));

/** What a page may load before it opens weights: the files and their static imports, each gzipped. */
const WEB_LIMIT = 100 * 1024;

const common = {
  bundle: true,
  splitting: true,
  chunkNames: 'chunk-[hash]',
  format: 'esm',
  target: 'es2022',
  loader: { '.wgsl': 'text' },
  sourcemap: true,
  outdir: path('dist'),
  write: false,
  logLevel: 'warning',
};

/** Builds everything into dist and returns the sizes of what browsers load. Nothing of dist changes where a build fails. */
async function build() {
  const node = await esbuild.build({
    ...common,
    entryPoints: { node: path('src/node/index.ts'), cli: path('src/cli/main.ts') },
    platform: 'node',
    packages: 'external',
  });
  const browser = { ...common, platform: 'browser', minify: true, metafile: true };
  const engine = await esbuild.build({
    ...browser,
    entryPoints: { web: path('src/web/index.ts') },
    plugins: [denseShaders, shadersFirst(path('src/web/index.ts'), path('src')), usedMatrices],
  });
  const client = await esbuild.build({ ...browser, entryPoints: { client: path('src/web/client.ts') } });
  const worker = await esbuild.build({
    ...browser,
    entryPoints: { worker: path('src/web/worker.ts') },
    plugins: [fromBundle('./web.js', ['src/web/restorer.ts', 'src/errors.ts'].map(path))],
  });
  const web = await minified([engine, client, worker]);
  const files = [...node.outputFiles, ...web.outputFiles];
  // The entry points come last: whoever finds one finds its chunks as well.
  files.sort((a, b) => Number(isChunk(b.path)) - Number(isChunk(a.path)));
  await mkdir(path('dist'), { recursive: true });
  for (const file of files) {
    await writeFile(`${file.path}.part`, file.contents);
    await rename(`${file.path}.part`, file.path);
  }
  const written = new Set(files.map(file => basename(file.path)));
  for (const name of await readdir(path('dist'))) {
    if (isChunk(name) && !written.has(name)) await rm(path(`dist/${name}`), { force: true });
  }
  return new Map([
    ['web.js', loadedSize(web, ['web.js'])],
    ['client.js', loadedSize(web, ['client.js'])],
    ['client.js and worker.js', loadedSize(web, ['client.js', 'worker.js'])],
  ]);
}

const isChunk = name => /^chunk-.*\.js(\.map)?$/.test(basename(name));

/** Bytes after gzip of bundles and of the chunks that they load at once. */
function loadedSize({ metafile, outputFiles }, entries) {
  const outputs = Object.entries(metafile.outputs);
  const imports = new Map(outputs.map(([name, output]) => [basename(name), output.imports]));
  // A set also goes through what is added on the way.
  const loaded = new Set(entries);
  for (const name of loaded) {
    for (const { path, kind } of imports.get(name)) if (kind === 'import-statement') loaded.add(basename(path));
  }
  const files = outputFiles.filter(file => loaded.has(basename(file.path)));
  return files.reduce((bytes, { contents }) => bytes + gzipSync(contents, { level: 9 }).length, 0);
}

let sizes;
try {
  sizes = await build();
} catch (error) {
  // Messages of esbuild are printed already.
  if (!error.errors) console.error(error);
  process.exit(1);
}
for (const [name, size] of sizes) console.log(`${name}: ${(size / 1024).toFixed(1)} KB gzip`);
if (sizes.get('web.js') > WEB_LIMIT) {
  console.error(`web.js: expected at most ${WEB_LIMIT / 1024} KB`);
  process.exitCode = 1;
}
