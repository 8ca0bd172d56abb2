// What makes the bundles for browsers small. None of it changes what the code does.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { minify } from 'terser';
import { noticeComment } from './notices.mjs';

/** A plugin of esbuild: shaders without comments, indentation and empty lines. Messages of drivers quote their lines. */
export const plainShaders = {
  name: 'plain-shaders',
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path }) => {
      return { contents: plainShader(await readFile(path, 'utf8')), loader: 'text' };
    });
  },
};

export const plainShader = wgsl =>
  wgsl
    .replace(/\/\/.*$/gm, '')
    .replace(/[ \t]+$/gm, '')
    .replace(/^\s+/gm, '');

/** A plugin of esbuild: the manifest of weights without its cards, which are texts for people. */
export const plainManifest = {
  name: 'plain-manifest',
  setup(build) {
    build.onLoad({ filter: /[\\/]weights[\\/]manifest\.json$/ }, async ({ path }) => {
      const { files, ...others } = JSON.parse(await readFile(path, 'utf8'));
      const plain = files.map(({ card, ...entry }) => entry);
      return { contents: JSON.stringify({ ...others, files: plain }), loader: 'json' };
    });
  },
};

/** A plugin of esbuild: some modules are not bundled but imported from another bundle, which exports what is used of them. */
export function fromBundle(bundle, modules) {
  return {
    name: 'from-bundle',
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const file = resolve(resolveDir, path).replace(/\.js$/, '.ts');
        return modules.includes(file) ? { path: bundle, external: true } : null;
      });
    },
  };
}

/** A module made smaller once more: esbuild leaves what needs a second look. */
export async function minified(code, notice) {
  const format = notice === undefined ? {} : { preamble: noticeComment(notice) };
  const result = await minify(code, { module: true, ecma: 2022, compress: { passes: 3 }, format });
  return Buffer.from(result.code);
}
