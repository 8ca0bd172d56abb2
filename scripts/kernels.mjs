// Compiles the kernels in AssemblyScript, and lets bundlers and tests import the result: `kernels.wasm` and `kernels-shared.wasm` in
// `src/wasm`, the second for memory that threads share.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const entry = 'src/wasm/kernels.as.ts';
const cache = join(root, 'node_modules/.cache/codeformer-webgpu');

/** Both files as `kernels.as.ts` and what it imports make them; compiled when these have changed. */
export async function compileKernels(shared) {
  const sources = await readSources();
  const flags = [
    ...['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
    ...(shared ? ['--enable', 'simd,threads', '--sharedMemory'] : ['--enable', 'simd', '--disable', 'threads']),
  ];
  const hash = createHash('sha256')
    .update(JSON.stringify([...sources, flags]))
    .digest('hex')
    .slice(0, 16);
  const file = join(cache, `kernels-${hash}.wasm`);
  try {
    return await readFile(file);
  } catch {
    const bytes = await compile(sources, flags);
    await mkdir(cache, { recursive: true });
    const part = `${file}.${process.pid}.part`;
    await writeFile(part, bytes);
    await rename(part, file);
    return bytes;
  }
}

async function readSources() {
  const names = await readdir(join(root, 'src'), { recursive: true });
  const files = names.filter(name => name.endsWith('.as.ts')).sort();
  const read = async name => [`src/${name.replaceAll('\\', '/')}`, await readFile(join(root, 'src', name), 'utf8')];
  return new Map(await Promise.all(files.map(read)));
}

async function compile(sources, flags) {
  const { main } = await import('assemblyscript/asc');
  let bytes = null;
  const { error, stderr } = await main([entry, '-o', 'kernels.wasm', ...flags], {
    readFile: name => sources.get(name.replaceAll('\\', '/')) ?? null,
    writeFile: (_, contents) => {
      bytes = Buffer.from(contents);
    },
    listFiles: () => [],
  });
  if (error || bytes === null) throw new Error(`The kernels do not compile\n${stderr}`, { cause: error });
  return bytes;
}

const MODULE = /[\\/]kernels(?:-shared)?\.wasm$/;
const CODE = /\?code$/;
const isShared = path => path.endsWith('-shared.wasm');

/** A plugin of esbuild: the modules as bytes, and the code of threads as text. */
export const wasmKernels = {
  name: 'wasm-kernels',
  setup(build) {
    // They exist nowhere on disk.
    build.onResolve({ filter: MODULE }, ({ path, resolveDir }) => ({ path: join(resolveDir, path) }));
    build.onLoad({ filter: MODULE }, async ({ path }) => ({
      contents: await compileKernels(isShared(path)),
      loader: 'binary',
    }));
    build.onResolve({ filter: CODE }, ({ path, resolveDir }) => ({ path: join(resolveDir, path), namespace: 'code' }));
    build.onLoad({ filter: CODE, namespace: 'code' }, async ({ path }) => {
      return { contents: await bundleCode(path.replace(CODE, '')), loader: 'text' };
    });
  },
};

/** The same for Vite. */
export const viteWasmKernels = {
  name: 'wasm-kernels',
  enforce: 'pre',
  resolveId: (id, importer) => (MODULE.test(id) ? join(dirname(importer), id) : null),
  async load(id) {
    if (CODE.test(id)) return `export default ${JSON.stringify(await bundleCode(id.replace(CODE, '')))};`;
    if (!MODULE.test(id)) return null;
    const base64 = Buffer.from(await compileKernels(isShared(id))).toString('base64');
    return `export default Uint8Array.from(atob('${base64}'), letter => letter.charCodeAt(0));`;
  },
};

/** A script for a thread, on either platform. */
async function bundleCode(entryPoint) {
  const options = { bundle: true, minify: true, format: 'cjs', platform: 'node', target: 'es2022', write: false };
  const { outputFiles } = await esbuild.build({ ...options, entryPoints: [entryPoint] });
  return outputFiles[0].text;
}
