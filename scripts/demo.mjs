// The page as a static folder. `node scripts/demo.mjs build [FOLDER]` writes it (default `demo/dist`), prints what a first visit
// loads and fails where that is too much. `--address URL` says where it will be, which previews of links need, `--source URL` where its source is. `buildPage` writes what the package has of it. `node scripts/demo.mjs dev [--port N]` serves it, builds again and reloads open pages when a
// source changes.

import { createHash } from 'node:crypto';
import { existsSync, realpathSync, watch } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, extname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import send from 'send';
import sharp from 'sharp';
import { wasmKernels } from './kernels.mjs';
import { allNotices, NOTICES, noticeComment, noticesOf } from './notices.mjs';
import { plainManifest, plainShaders } from './shrink.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const demo = join(root, 'demo');

/** What a first visit may load of a page before weights and photos, each file gzipped. */
const FIRST_VISIT_LIMIT = 250 * 1024;

/** Side of the pictures of samples, in pixels. */
const THUMBNAIL = 144;

/** PNG icons: their side, and whether the system cuts their corners. */
const ICONS = { 'icon-192.png': [192, false], 'icon-512.png': [512, false], 'touch-icon.png': [180, true] };

/** Folders with a page of their own: markup, script, style. */
const PAGES = ['.', 'lab', 'bench'].filter(page => existsSync(join(demo, page, 'index.html')));

/**
 * Bundles and copies everything into a folder. `live` adds what reloads pages and leaves out what keeps them for offline use; without
 * `weights` somebody else has to serve the files of the networks. `address` is where the folder will be, `source` where its source is.
 */
async function build(folder, { live = false, weights = true, address, source } = {}) {
  await mkdir(folder, { recursive: true });
  const entryPoints = PAGES.flatMap(page =>
    ['main', 'style'].map(name => ({
      in: join(demo, page, `${name}.${name === 'main' ? 'ts' : 'css'}`),
      out: join(page, name),
    })),
  );
  entryPoints.push({ in: join(demo, 'viewer/painter.ts'), out: 'painter' });
  entryPoints.push({ in: join(demo, 'engine-worker.ts'), out: 'engine/worker' });
  entryPoints.push({ in: join(demo, 'bench/worker.ts'), out: 'engine/bench' });
  const common = { outdir: folder, bundle: true, target: 'es2022', minify: !live, logLevel: 'warning' };
  const { metafile } = await esbuild.build({
    ...common,
    entryPoints,
    splitting: true,
    chunkNames: 'engine/chunk-[hash]',
    format: 'esm',
    loader: { '.wgsl': 'text' },
    plugins: [wasmKernels, plainManifest, plainShaders],
    define: { OFFLINE: String(!live) },
    sourcemap: live,
    metafile: true,
  });
  // Frames in a sandbox load no modules.
  await esbuild.build({ ...common, entryPoints: [join(demo, 'fetcher.ts')], format: 'iife' });
  for (const page of PAGES) await writePage(folder, page, { live, address, source });
  for (const name of ['fetcher.html', 'icon.svg', 'manifest.webmanifest'])
    await cp(join(demo, name), join(folder, name));
  await cp(join(root, 'docs/preview.jpg'), join(folder, 'preview.jpg'));
  await writeIcons(folder);
  await copySamples(folder);
  await copyWeights(folder, weights);
  await addNotices(folder, metafile);
  if (!live) await writeServiceWorker(folder, common);
  return metafile;
}

/** Licence notices of what the scripts bring of other packages: in each of them, and all in one file. */
async function addNotices(folder, { outputs }) {
  const notices = await noticesOf(outputs);
  for (const [file, notice] of notices) {
    // Behind the code, where it moves no line of a source map.
    await writeFile(file, `${await readFile(file, 'utf8')}\n${noticeComment(notice)}\n`);
  }
  await writeFile(join(folder, NOTICES), allNotices(notices));
}

/** The service worker knows every file but the weights, which the engine keeps, and what is shown elsewhere. Photos can come later. */
async function writeServiceWorker(folder, common) {
  const files = (await filesOf(folder)).filter(name => !name.endsWith('.safetensors') && name !== 'preview.jpg');
  const later = (await readdir(join(root, 'docs/samples'))).map(name => `samples/${name}`);
  const hash = createHash('sha256');
  for (const name of files) hash.update(`${name}\n`).update(await readFile(join(folder, name)));
  await esbuild.build({
    ...common,
    entryPoints: [join(demo, 'sw.ts')],
    format: 'iife',
    define: {
      FILES: JSON.stringify(files.filter(name => !later.includes(name))),
      LATER: JSON.stringify(later),
      VERSION: JSON.stringify(hash.digest('hex').slice(0, 16)),
    },
  });
}

/** Every file of a folder with its path in it, by slashes. */
async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

async function writePage(folder, page, { live, address, source }) {
  const html = await readFile(join(demo, page, 'index.html'), 'utf8');
  const reload = `<script type="module" src="${relative(page, '.') || '.'}/reload.js"></script>`;
  const about = source ? ` <a href="${new URL(source).href}">Its source</a>.` : '';
  const written = html
    // What shows previews of links knows no addresses but whole ones.
    .replace('content="preview.jpg"', `content="${address ? new URL('preview.jpg', address).href : 'preview.jpg'}"`)
    .replace('<!-- source -->', about)
    .replace('</head>', live ? `${reload}</head>` : '</head>');
  await writeFile(join(folder, page, 'index.html'), written);
}

/** The icon as PNG; where the system cuts corners, on a ground that reaches them. */
async function writeIcons(folder) {
  const svg = await readFile(join(demo, 'icon.svg'), 'utf8');
  for (const [name, [side, isCut]] of Object.entries(ICONS)) {
    const drawn = isCut ? svg.replace('rx="8"', '').replace('viewBox="0 0 32 32"', 'viewBox="-2 -2 36 36"') : svg;
    const image = sharp(Buffer.from(drawn), { density: (72 * side) / 32 }).resize(side, side);
    await (isCut ? image.flatten({ background: '#0a6b64' }) : image).png({ palette: true }).toFile(join(folder, name));
  }
}

async function copySamples(folder) {
  const samples = join(root, 'docs/samples');
  await mkdir(join(folder, 'samples'), { recursive: true });
  for (const name of await readdir(samples)) {
    await cp(join(samples, name), join(folder, 'samples', name));
    const small = sharp(join(samples, name)).resize(THUMBNAIL, THUMBNAIL, { position: 'top' }).webp({ quality: 80 });
    await small.toFile(join(folder, 'samples', `${name.replace(/\.\w+$/, '')}.webp`));
  }
  const worn = join(demo, 'samples');
  for (const name of await readdir(worn))
    if (extname(name) !== '.md') await cp(join(worn, name), join(folder, 'samples', name));
}

async function copyWeights(folder, isWhole) {
  const weights = join(root, 'weights');
  const manifest = JSON.parse(await readFile(join(weights, 'manifest.json'), 'utf8'));
  const files = isWhole ? manifest.files : [];
  await mkdir(join(folder, 'weights'), { recursive: true });
  for (const name of ['manifest.json', 'LICENSE.md', ...files.map(({ file }) => file)])
    await cp(join(weights, name), join(folder, 'weights', name));
}

/** What a first visit of a page loads: its markup, what that names, and the scripts that those import at once. */
async function firstVisit(folder, page, metafile) {
  const base = new URL(page === '.' ? 'http://demo/' : `http://demo/${page}/`);
  const html = await readFile(join(folder, page, 'index.html'), 'utf8');
  const named = [...html.matchAll(/\s(?:href|src)="([^"#:]+)"/g)].map(([, url]) =>
    new URL(url, base).pathname.slice(1),
  );
  const imports = new Map(
    Object.entries(metafile.outputs).map(([path, { imports }]) => [
      relative(folder, resolve(path)).split(sep).join('/'),
      imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => relative(folder, resolve(path))),
    ]),
  );
  const loaded = new Set([
    join(page, 'index.html'),
    ...named.filter(name => extname(name)),
    'painter.js',
    'engine/worker.js',
  ]);
  // A set also goes through what is added on the way.
  for (const name of loaded) for (const imported of imports.get(name) ?? []) loaded.add(imported);
  let bytes = 0;
  for (const name of loaded) bytes += gzipSync(await readFile(join(folder, name)), { level: 9 }).length;
  return bytes;
}

/**
 * What a host should send with each file (docs/hosting.md): no other site shows the page in a frame, which is isolated from others for the sake
 * of threads, and a worker that is started from its address, where the policy of the page does not reach, gets no further than this host.
 */
function headersOf(file) {
  const policy =
    extname(file) === '.js' ? "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; " : '';
  return {
    'Content-Security-Policy': `${policy}frame-ancestors 'self'`,
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    ...(basename(file) === 'fetcher.js' && { 'Cross-Origin-Resource-Policy': 'cross-origin' }),
  };
}

const RELOAD = `new EventSource('/reload').addEventListener('message', () => location.reload());\n`;

/** Serves the page and builds it again when a source changes. */
async function dev(port) {
  const folder = join(root, '.cache/demo');
  const open = new Set();
  const rebuild = () =>
    build(folder, { live: true }).then(
      () => {
        for (const response of open) response.write('data: built\n\n');
      },
      // Messages of esbuild are printed already.
      error => error.errors || console.error(error),
    );
  await rm(folder, { recursive: true, force: true });
  await rebuild();
  let soon;
  for (const sources of [demo, join(root, 'src')])
    watch(sources, { recursive: true }, () => {
      clearTimeout(soon);
      soon = setTimeout(rebuild, 100);
    });
  const server = createServer((request, response) => {
    const [path] = request.url.split('?');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else if (path === '/reload') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders();
      open.add(response);
      response.on('close', () => open.delete(response));
    } else if (path.endsWith('/reload.js')) {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(RELOAD);
    } else {
      send(request, path, { root: folder, cacheControl: false })
        .on('headers', (response, file) => {
          response.setHeader('Cache-Control', 'no-store');
          for (const [name, value] of Object.entries(headersOf(file))) response.setHeader(name, value);
        })
        .pipe(response);
    }
  });
  server.on('error', error => {
    console.error(error.code === 'EADDRINUSE' ? `Port ${port} is in use; choose another with --port` : error.message);
    process.exit(1);
  });
  server.listen(port, 'localhost', () => console.log(`http://localhost:${server.address().port}/`));
}

/**
 * Writes the page into a folder, which it replaces, and prints what a first visit loads.
 * @param options of `build`
 * @returns whether that is little enough
 */
export async function buildPage(folder, options) {
  await rm(folder, { recursive: true, force: true });
  const metafile = await build(folder, options);
  let isSmall = true;
  for (const page of PAGES) {
    const bytes = await firstVisit(folder, page, metafile);
    const limit = FIRST_VISIT_LIMIT / 1024;
    console.log(
      `${page}/index.html: first visit ${(bytes / 1024).toFixed(1)} KB gzip without weights, at most ${limit}`,
    );
    if (bytes > FIRST_VISIT_LIMIT) isSmall = false;
  }
  return isSmall;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { port: { type: 'string', default: '5173' }, address: { type: 'string' }, source: { type: 'string' } },
  });
  const [command, target = join(demo, 'dist')] = positionals;
  const port = Number(values.port);
  if (command === 'dev' && /^\d+$/.test(values.port) && port < 65_536) {
    await dev(port);
  } else if (command === 'build') {
    try {
      const { address, source } = values;
      if (!(await buildPage(resolve(target), { address, source }))) process.exitCode = 1;
    } catch (error) {
      if (!error.errors) console.error(error);
      process.exitCode = 1;
    }
  } else {
    console.error('Usage: node scripts/demo.mjs build [FOLDER] [--address URL] [--source URL] | dev [--port N]');
    process.exitCode = 2;
  }
}
