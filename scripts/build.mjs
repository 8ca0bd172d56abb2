// Bundles the sources into dist: the library for Node and for browsers, the server and the command line, which share their code with
// the library for Node, and the page that the server serves. `node scripts/build.mjs` builds everything, prints the sizes of what browsers load and fails where they are too large;
// `buildCommandLine` is what a source checkout needs to run.

import { realpathSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { wasmKernels } from './kernels.mjs';
import { allNotices, NOTICES, noticesOf } from './notices.mjs';
import { fromBundle, minified, plainManifest, plainShaders } from './shrink.mjs';

const root = new URL('..', import.meta.url);
const path = name => fileURLToPath(new URL(name, root));
const dist = path('dist');

/** What a page may load before it opens weights: the files and their static imports, each gzipped. */
const WEB_LIMIT = 100 * 1024;

/** Bytes of a chunk that Parcel keeps in each of the files which need it: it does so below 20,000, of its own code, which is some 2.5 times as long. */
const SHARED_LIMIT = 8_000;

const common = {
  bundle: true,
  splitting: true,
  chunkNames: 'chunk-[hash]',
  format: 'esm',
  target: 'es2022',
  loader: { '.wgsl': 'text' },
  plugins: [wasmKernels],
  outdir: dist,
  write: false,
  metafile: true,
  logLevel: 'warning',
};

/** Builds the library for Node and the command line. Nothing of dist changes where a build fails. */
export async function buildCommandLine() {
  const { outputFiles } = await bundleForNode();
  await withDist(() => writeAll(outputFiles));
}

/** Builds everything and returns the sizes of what browsers load. Nothing of dist changes where a build fails. */
export async function build() {
  const node = await bundleForNode();
  const web = await bundleForBrowsers();
  checkShared(web, 'web.js');
  const files = [...node.outputFiles, ...web.outputFiles];
  const page = await pageForServer();
  await withDist(async () => {
    await writeAll(files);
    await removeOthers(files.map(file => basename(file.path)));
    await rename(page, join(dist, 'page'));
  });
  return new Map([
    ['web.js', loadedSize(web, ['web.js'])],
    ['web.js and all that it loads later', loadedSize(web, ['web.js'], ['import-statement', 'dynamic-import'])],
    ['client.js', loadedSize(web, ['client.js'])],
    ['client.js and worker.js', loadedSize(web, ['client.js', 'worker.js'])],
  ]);
}

const bundleForNode = () =>
  esbuild.build({
    ...common,
    entryPoints: {
      node: path('src/node/index.ts'),
      cli: path('src/cli/main.ts'),
      server: path('src/server/index.ts'),
      'engine-process': path('src/server/engine-process.ts'),
    },
    platform: 'node',
    packages: 'external',
  });

async function bundleForBrowsers() {
  const browser = { ...common, platform: 'browser', minify: true, legalComments: 'none' };
  const engine = await esbuild.build({
    ...browser,
    entryPoints: { web: path('src/web/index.ts') },
    plugins: [wasmKernels, plainManifest, plainShaders],
  });
  const client = await esbuild.build({ ...browser, entryPoints: { client: path('src/web/client.ts') } });
  const worker = await esbuild.build({
    ...browser,
    entryPoints: { worker: path('src/web/worker.ts') },
    plugins: [wasmKernels, fromBundle('./web.js', ['src/web/restorer.ts', 'src/errors.ts'].map(path))],
  });
  const results = [engine, client, worker];
  const outputs = Object.assign({}, ...results.map(({ metafile }) => metafile.outputs));
  const notices = await noticesOf(outputs);
  const files = results.flatMap(({ outputFiles }) => outputFiles);
  const outputFiles = await Promise.all(
    files.map(async ({ path, text }) => ({ path, contents: await minified(text, notices.get(path)) })),
  );
  const all = { path: join(dist, NOTICES), contents: Buffer.from(allNotices(notices)) };
  return { outputs, outputFiles: [...outputFiles, all] };
}

/** Builds the page, without the weights, which the package has beside it, and returns the folder. */
async function pageForServer() {
  const { buildPage } = await import('./demo.mjs');
  const folder = path(`.cache/page-${process.pid}`);
  if (!(await buildPage(folder, { weights: false }))) throw new Error('The page is too large');
  return folder;
}

/**
 * Writes files into dist, each beside its place and then renamed. Chunks come before the entry points, so that whoever finds one of those
 * finds its chunks as well.
 */
async function writeAll(files) {
  const isEntry = file => !basename(file.path).startsWith('chunk-');
  for (const file of files.toSorted((a, b) => isEntry(a) - isEntry(b))) {
    const part = `${file.path}.${process.pid}.part`;
    await writeFile(part, file.contents);
    await rename(part, file.path);
  }
}

/** Removes what earlier builds left in dist, but for types, which `scripts/types.mjs` looks after. */
async function removeOthers(written) {
  const kept = new Set([...written, basename(LOCK)]);
  for (const name of await readdir(dist)) {
    if (!kept.has(name) && !name.endsWith('.d.ts')) await rm(join(dist, name), { recursive: true });
  }
}

const LOCK = join(dist, '.lock');

/** Writing takes far less than this: a lock that is older was left by a process that was killed. */
const LOCK_MS = 10_000;

/** Does `work` while no other process writes into dist: builds of different sources would mix their chunks. */
async function withDist(work) {
  await mkdir(dist, { recursive: true });
  for (;;) {
    const lock = await open(LOCK, 'wx').catch(error => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (lock) {
      await lock.close();
      break;
    }
    const taken = await stat(LOCK).catch(() => null);
    if (taken && Date.now() - taken.mtimeMs > LOCK_MS) await rm(LOCK, { force: true });
    else await new Promise(resolve => setTimeout(resolve, 20));
  }
  try {
    return await work();
  } finally {
    await rm(LOCK, { force: true });
  }
}

/** Names of bundles and of the chunks that they load at once, or by other kinds of imports too. */
function loadedBy({ outputs }, entries, kinds = ['import-statement']) {
  const imports = new Map(Object.entries(outputs).map(([name, output]) => [basename(name), output.imports]));
  // A set also goes through what is added on the way.
  const loaded = new Set(entries);
  for (const name of loaded) {
    for (const { path, kind } of imports.get(name)) if (kinds.includes(kind)) loaded.add(basename(path));
  }
  return loaded;
}

/** Their bytes after gzip. */
function loadedSize(bundles, entries, kinds) {
  const loaded = loadedBy(bundles, entries, kinds);
  const files = bundles.outputFiles.filter(file => loaded.has(basename(file.path)));
  return files.reduce((bytes, { contents }) => bytes + gzipSync(contents, { level: 9 }).length, 0);
}

/**
 * Fails where a chunk is large and needed by several files that are not loaded at once together: Parcel makes such a chunk a file of its own,
 * in which its workers do not find what is in it.
 */
function checkShared({ outputs }, entry) {
  const later = Object.values(outputs).flatMap(({ imports }) =>
    imports.filter(({ kind }) => kind === 'dynamic-import'),
  );
  const starts = new Set([entry, ...later.map(({ path }) => basename(path))]);
  const needed = [...starts].flatMap(start => [...loadedBy({ outputs }, [start])]);
  for (const [path, { bytes }] of Object.entries(outputs)) {
    const name = basename(path);
    if (bytes >= SHARED_LIMIT && needed.filter(each => each === name).length > 1)
      throw new Error(
        `${name}: expected fewer than ${SHARED_LIMIT} bytes in what several files share but found ${bytes}`,
      );
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
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
}
