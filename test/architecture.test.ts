// Who imports whom: layers as docs/architecture.md draws them, and no circles.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));

const FILES = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'));

/** The files that a file imports, also those of which it only takes types, relative to `src`. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const paths = [...text.matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+)\.js'/g)].map(([, path]) => path!);
  return paths
    .map(path => `${relative(root, join(root, dirname(file), path))}.ts`)
    .filter(path => !path.startsWith('..'));
}

const graph = new Map(FILES.map(file => [file, importsOf(file)]));

/** The folder of a file; null for those beside the folders. */
const layerOf = (file: string): string | null => (file.includes(sep) ? file.split(sep)[0]! : null);

/** From the table of the document: what each layer may import from. */
function allowed(): Map<string, readonly string[]> {
  const text = readFileSync(join(root, '../docs/architecture.md'), 'utf8');
  const rules = new Map<string, readonly string[]>();
  for (const [, layers, below] of text.matchAll(/^\| ([a-z, ]+) \| ([a-z, ]+(?: \([a-z, ]+\))?) \|$/gm))
    for (const layer of layers!.split(', ')) rules.set(layer, below!.replace(/ \(.*\)/, '').split(', '));
  return rules;
}

test('every import goes to a layer below', () => {
  const rules = allowed();
  const layers = new Set(FILES.map(layerOf).filter(layer => layer !== null));
  expect([...rules.keys()].sort()).toEqual([...layers].sort());
  const wrong: string[] = [];
  for (const [file, imports] of graph)
    for (const to of imports) {
      const [above, below] = [layerOf(file), layerOf(to)];
      if (above && below && above !== below && !rules.get(above)!.includes(below)) wrong.push(`${file} imports ${to}`);
    }
  expect(wrong).toEqual([]);
});

// What callers have, which is handed through: types of them alone.
const CALLERS = ['GPUDevice', 'GPUTexture', 'GPUBuffer'];

test('WebGPU is named by its executor alone, but for what callers have of it', () => {
  const names: string[] = [];
  for (const file of FILES) {
    if (/^gpu\/|^(node|web)\/gpu\.ts$/.test(file)) continue;
    for (const [name] of readFileSync(join(root, file), 'utf8').matchAll(/\bGPU[A-Z]\w+/g))
      if (!CALLERS.includes(name)) names.push(`${file}: ${name}`);
  }
  expect(names).toEqual([]);
});

// A signal that was aborted before somebody listens tells nobody any more, and what waits for it waits for ever.
test('only what also sees earlier aborts listens for them', () => {
  const listening = FILES.filter(file =>
    /addEventListener\(\s*'abort'|\.onabort\b/.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(listening).toEqual(['abort.ts']);
});

test('what knows shaders is imported by the WebGPU executor alone', () => {
  const withShaders = (file: string) =>
    /from '[^']*(\.wgsl|\/webgpu\.js|\.webgpu\.js)'/.test(readFileSync(join(root, file), 'utf8'));
  const shaders = FILES.filter(file => file.startsWith('kernels/') && withShaders(file));
  expect(shaders.length).toBeGreaterThan(40);
  const allowed = (file: string) => file.startsWith('gpu/') || shaders.includes(file);
  const wrong = FILES.filter(file => !allowed(file)).flatMap(file =>
    graph.get(file)!.filter(to => shaders.includes(to)),
  );
  expect(wrong).toEqual([]);
});

test('no import goes in a circle', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path.includes(file)) return;
    for (const to of graph.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
