// Plugins for esbuild that make the browser bundle small. None of them changes what the code does.

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/**
 * Shaders without comments, indentation and spaces that WGSL does not need. Their lines stay lines: messages of the compiler
 * quote them. Spaces between operators stay as well, because `- -` and `> =` mean other things without.
 */
export const denseShaders = {
  name: 'dense-shaders',
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { contents: dense(source), loader: 'text' };
    });
  },
};

const dense = wgsl =>
  wgsl
    .replace(/\/\/.*$/gm, '')
    .replace(/[ \t]+$/gm, '')
    .replace(/^\s+/gm, '')
    .replace(/(?<=[(){}[\],;:]) +| +(?=[(){}[\],;:])|(?<=\w) +(?=[^\w\s])|(?<=[^\w\s]) +(?=\w)/g, '');

/** All shaders first, in one place: they resemble each other, and gzip sees no further than 32 KB. */
export function shadersFirst(entry, sources) {
  return {
    name: 'shaders-first',
    setup(build) {
      build.onLoad({ filter: /[\\/]index\.ts$/ }, async ({ path }) => {
        if (path !== entry) return null;
        const files = (await readdir(sources, { recursive: true })).filter(name => name.endsWith('.wgsl')).sort();
        // What no module uses is left out again.
        const imports = files.map((file, i) => `import shader${i} from ${JSON.stringify(`${sources}/${file}`)};`);
        return { contents: `${await readFile(path, 'utf8')}\n${imports.join('\n')}`, loader: 'ts' };
      });
    },
  };
}

/**
 * Of wgpu-matrix only the functions that are called. The library makes objects of functions in factories, one for each kind of
 * array, so that bundlers keep all of them; here every factory becomes a module of its own, whose functions are exports.
 */
export const usedMatrices = {
  name: 'used-matrices',
  setup(build) {
    const library = fileURLToPath(import.meta.resolve('wgpu-matrix'));
    const arrays = { '': 'Float32Array', d: 'Float64Array' };

    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!source.includes("'wgpu-matrix'")) return null;
      const contents = source.replace(/^import \{([\w\s,]+)\} from 'wgpu-matrix';$/m, (_, names) =>
        names
          .match(/\w+/g)
          .map(name => `import * as ${name} from 'wgpu-matrix/${name}';`)
          .join(' '),
      );
      return { contents, loader: 'ts' };
    });
    build.onResolve({ filter: /^wgpu-matrix\// }, ({ path }) => ({
      path: path.slice('wgpu-matrix/'.length),
      namespace: 'wgpu-matrix',
      sideEffects: false,
    }));
    build.onLoad({ filter: /.*/, namespace: 'wgpu-matrix' }, async ({ path: name }) => {
      const source = await readFile(library, 'utf8');
      const [, type, suffix] = name.match(/^(\w+\d|quat)(d?)$/) ?? [];
      // `mat3: getAPI$3(Mat3Ctor)` says which factory makes what.
      const factories = new Map([...source.matchAll(/(\w+): getAPI(\S*)\(\w+Ctor\)/g)].map(([, of, id]) => [id, of]));
      const id = [...factories.keys()].find(key => factories.get(key) === type);
      const start = `function getAPIImpl${id}(Ctor) {\n`;
      const from = source.indexOf(start) + start.length;
      const body = source.slice(from, source.indexOf('\n}\n', from) + 1);
      const epsilon = source.match(/^let EPSILON = .*;$/m);
      const exported = / {4}return \{([\w\s,:]+)\};\n$/;
      if (id === undefined || !epsilon || !source.includes(start) || !exported.test(body)) {
        throw new Error(`wgpu-matrix does not have ${name} in the form that ${import.meta.url} expects`);
      }
      const code = body
        .replace(/const (\w+) = getAPI(\S*)\(Ctor\);/g, (_, local, other) => {
          return `import * as ${local} from 'wgpu-matrix/${factories.get(other)}${suffix}';`;
        })
        .replace(exported, (_, names) => `export {${names.replace(/(\w+): (\w+)/g, '$2 as $1')}};\n`);
      return { contents: `const Ctor = ${arrays[suffix]};\n${epsilon[0]}\n${code}`, loader: 'js' };
    });
  },
};
