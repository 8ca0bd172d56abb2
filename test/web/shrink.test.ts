// Shaders as browsers get them have the code of the sources, token by token, and none of their comments.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const { plainShader } = (await import(new URL('../../scripts/shrink.mjs', import.meta.url).href)) as {
  plainShader(wgsl: string): string;
};

const root = fileURLToPath(new URL('../../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.wgsl'));

/** Words, numbers and signs, without comments. */
const tokens = (wgsl: string): string[] => wgsl.replace(/\/\/.*$/gm, '').match(/[\w.]*\w|[^\s\w]/g) ?? [];

test('there are shaders', () => expect(files.length).toBeGreaterThan(30));

describe.each(files)('%s', name => {
  const source = readFileSync(join(root, name), 'utf8');
  const plain = plainShader(source);

  test('has the same tokens and no comments', () => {
    expect(tokens(plain)).toEqual(tokens(source));
    expect(plain).not.toContain('//');
  });
});
