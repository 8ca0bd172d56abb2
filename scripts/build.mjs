// Bundles the sources into dist: the library for Node and for browsers, and the command line, which shares its code with the
// library for Node. `node scripts/build.mjs` also prints the size of the browser bundle and fails where it is too large.

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const root = new URL('..', import.meta.url);
const path = name => fileURLToPath(new URL(name, root));

/** Largest browser bundle, gzipped: what a page may cost without weights. */
const WEB_LIMIT = 100 * 1024;

/** Shaders without comments, whose lines stay where messages of the compiler say they are. */
const bareShaders = {
  name: 'bare-shaders',
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path: file }) => {
      const source = await readFile(file, 'utf8');
      return { contents: source.replace(/[ \t]*\/\/.*$/gm, ''), loader: 'text' };
    });
  },
};

const common = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  loader: { '.wgsl': 'text' },
  sourcemap: true,
  outdir: path('dist'),
  write: false,
  logLevel: 'warning',
};

/** Builds everything into dist. Nothing of dist changes where a build fails. */
export async function build() {
  const outputs = [
    await esbuild.build({
      ...common,
      entryPoints: { node: path('src/node/index.ts'), cli: path('src/cli/main.ts') },
      platform: 'node',
      packages: 'external',
      splitting: true,
      chunkNames: 'chunk-[hash]',
    }),
  ];
  if (existsSync(path('src/web/index.ts'))) {
    outputs.push(
      await esbuild.build({
        ...common,
        entryPoints: { web: path('src/web/index.ts') },
        platform: 'browser',
        minify: true,
        plugins: [bareShaders],
      }),
    );
  }
  const files = outputs.flatMap(({ outputFiles }) => outputFiles);
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
}

const isChunk = name => /^chunk-.*\.js(\.map)?$/.test(basename(name));

/** Bytes of the browser bundle after gzip, or null where there is none. */
async function webSize() {
  const file = path('dist/web.js');
  return existsSync(file) ? gzipSync(await readFile(file), { level: 9 }).length : null;
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  try {
    await build();
  } catch {
    // The messages are printed already.
    process.exit(1);
  }
  const size = await webSize();
  if (size !== null) {
    console.log(`dist/web.js: ${(size / 1024).toFixed(1)} KB gzip, at most ${WEB_LIMIT / 1024} KB`);
    if (size > WEB_LIMIT) process.exitCode = 1;
  }
}
