// Makes the types of the package: one file for each entry point and one for what they share, which need no other package of types.

import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

const path = name => fileURLToPath(new URL(`../${name}`, import.meta.url));
const dist = path('dist');

const ENTRIES = {
  node: path('src/node/index.ts'),
  web: path('src/web/index.ts'),
  client: path('src/web/client.ts'),
  worker: path('src/web/worker.ts'),
  either: path('src/either.ts'),
  server: path('src/server/index.ts'),
};

/**
 * Names of the platform's own that some programs have no types for: those for Node lack the page, and only the newest have WebGPU. Each file
 * declares those that it uses for itself, as what the program has under the name, or else as this.
 */
const PLATFORM = {
  AbortSignal: 'never',
  Blob: 'never',
  GPUBuffer: `{
  readonly size: number;
  readonly usage: number;
  mapAsync(mode: never): Promise<unknown>;
}`,
  GPUDevice: `{
  readonly features: { has(name: string): boolean };
  readonly limits: { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number };
  readonly queue: { submit(commands: never): void };
  createShaderModule(descriptor: never): unknown;
  createComputePipelineAsync(descriptor: never): Promise<unknown>;
  destroy(): void;
}`,
  GPUTexture: `{
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly usage: number;
  createView(descriptor?: never): unknown;
}`,
  HTMLCanvasElement: 'never',
  HTMLImageElement: 'never',
  ImageBitmap: 'never',
  ImageData: 'never',
  OffscreenCanvas: 'never',
  URL: 'never',
  VideoFrame: 'never',
  Worker: 'never',
};

const bundle = await rollup({
  input: ENTRIES,
  // Modules that use them say nothing of them in the types of the package.
  external: /^node:/,
  plugins: [dts({ tsconfig: path('tsconfig.json'), compilerOptions: { stripInternal: true } })],
  onwarn({ code, message }) {
    // The worker exports nothing.
    if (code !== 'EMPTY_BUNDLE') throw new Error(message);
  },
});
const entries = new Set(Object.values(ENTRIES));
const { output } = await bundle.generate({
  entryFileNames: '[name].d.ts',
  chunkFileNames: '[name].d.ts',
  // No other entry point needs what is of the server.
  manualChunks: id => (entries.has(id) || id.startsWith(path('src/server/')) ? undefined : 'shared'),
});
await bundle.close();

const names = new Set(output.map(({ fileName }) => fileName));
for (const { fileName, code } of output) {
  if (/from 'node:/.test(code)) throw new Error(`${fileName} needs types of Node, which pages do not have`);
  const file = join(dist, fileName);
  await writeFile(`${file}.part`, `/// <reference lib="esnext.disposable" />\n${platformTypes(code)}${code}`);
  await rename(`${file}.part`, file);
}
for (const name of await readdir(dist)) {
  if (name.endsWith('.d.ts') && !names.has(name)) await rm(join(dist, name));
}

/** Declarations of the platform's names that a file uses. */
function platformTypes(code) {
  const used = Object.keys(PLATFORM).filter(name =>
    new RegExp(`\\b${name}\\b`).test(code.replace(/\/\*.*?\*\//gs, '')),
  );
  return used
    .map(
      name => `type ${name} = typeof globalThis extends { ${name}: { prototype: infer T } } ? T : ${PLATFORM[name]};\n`,
    )
    .join('');
}
