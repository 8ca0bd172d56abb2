// Plugins for esbuild that make the browser bundle small. None of them changes what the code does.

import { readdir, readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';

/**
 * Shaders without comments, indentation and spaces that WGSL does not need, and with short names for what is declared inside of
 * functions. Their lines stay lines: messages of the compiler quote them. Spaces between operators stay as well, because `- -` and `> =`
 * mean other things without.
 */
export const denseShaders = {
  name: 'dense-shaders',
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { contents: denseShader(source), loader: 'text' };
    });
  },
};

/** @param wgsl declarations of modules, whole: kernels join such texts */
export const denseShader = wgsl => shortNames(withoutComments(wgsl)).replace(SPACES, '');

const withoutComments = wgsl =>
  wgsl
    .replace(/\/\/.*$/gm, '')
    .replace(/[ \t]+$/gm, '')
    .replace(/^\s+/gm, '');

const SPACES = /(?<=[(){}[\],;:]) +| +(?=[(){}[\],;:])|(?<=\w) +(?=[^\w\s])|(?<=[^\w\s]) +(?=\w)/g;

/** Identifiers that are no members and no attributes. */
const NAMES = /(?<![\w.@])[a-zA-Z_]\w*/g;

function shortNames(wgsl) {
  const functions = [...wgsl.matchAll(/\bfn (?=\w)/g)].map(({ index }) => [index, functionEnd(wgsl, index)]);
  const outside = functions.reduceRight((text, [start, end]) => text.slice(0, start) + text.slice(end), wgsl);
  // Names of other texts of the same module are used here as well, so no new name is one that is used at all.
  const used = new Set(wgsl.match(NAMES));
  const kept = new Set(outside.match(NAMES));
  let short = '';
  let from = 0;
  for (const [start, end] of functions) {
    const text = wgsl.slice(start, end);
    const head = text.slice(0, text.indexOf('{'));
    const declared = [
      ...head.matchAll(/(?<=[(,]\s*(?:@\w+(?:\([^)]*\))?\s*)*)\w+(?=\s*:)/g),
      ...text.matchAll(/(?<=\b(?:let|var|const)\s+)\w+/g),
    ];
    const fresh = letters(used);
    const names = new Map();
    for (const { 0: name, index } of declared) {
      // What is used before it is declared here is something else there.
      const first = [...text.matchAll(NAMES)].find(([other]) => other === name);
      if (name.length > 1 && !kept.has(name) && first.index === index) names.set(name, fresh.next().value);
    }
    short += wgsl.slice(from, start) + text.replace(NAMES, name => names.get(name) ?? name);
    from = end;
  }
  return short + wgsl.slice(from);
}

/** Where the body ends of a function that starts at `start`. */
function functionEnd(wgsl, start) {
  let depth = 0;
  for (let at = wgsl.indexOf('{', start); ; at++) {
    if (wgsl[at] === '{') depth++;
    if (wgsl[at] === '}' && --depth === 0) return at + 1;
    if (at === wgsl.length) throw new Error('A function of a shader has no end');
  }
}

/** a to z, then with a digit, none of which is taken. */
function* letters(taken) {
  for (const digit of ['', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    for (const letter of 'abcdefghijklmnopqrstuvwxyz') if (!taken.has(letter + digit)) yield letter + digit;
  }
}

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

/** Some modules are not bundled but imported from another bundle, which exports what is used of them. */
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

/** The results of builds as one, their code made smaller once more: esbuild leaves what needs a second look. */
export async function minified(results) {
  const files = results.flatMap(result => result.outputFiles);
  const outputs = Object.assign({}, ...results.map(({ metafile }) => metafile.outputs));
  const written = files
    .filter(({ path }) => path.endsWith('.js'))
    .map(async ({ path, text }) => {
      const map = files.find(file => file.path === `${path}.map`);
      const options = { content: map.text, url: `${basename(path)}.map` };
      const { code, map: sources } = await minify(text, {
        module: true,
        ecma: 2022,
        compress: { passes: 3 },
        sourceMap: options,
      });
      return [
        { path, contents: Buffer.from(code) },
        { path: map.path, contents: Buffer.from(sources) },
      ];
    });
  return { metafile: { outputs }, outputFiles: (await Promise.all(written)).flat() };
}
