// Shaders as browsers get them are those of the sources: token by token the same, but for the names of what functions declare.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const { denseShader } = (await import(new URL('../../scripts/shrink.mjs', import.meta.url).href)) as {
  denseShader(wgsl: string): string;
};

const root = fileURLToPath(new URL('../../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.wgsl'));
const sources = new Map(files.map(name => [name, readFileSync(join(root, name), 'utf8')]));

/** Words, numbers and signs, without comments. */
const tokens = (wgsl: string): string[] => wgsl.replace(/\/\/.*$/gm, '').match(/[\w.]*\w|[^\s\w]/g) ?? [];

/** Whether each token is inside of a function: after `fn`, until its body ends. */
function places(all: readonly string[]): (number | null)[] {
  let current: number | null = null;
  let depth = 0;
  let count = 0;
  return all.map(token => {
    if (token === 'fn') current = count++;
    const place = current;
    if (token === '{') depth++;
    if (token === '}' && --depth === 0) current = null;
    return place;
  });
}

test('there are shaders', () => expect(files.length).toBeGreaterThan(30));

describe.each(files)('%s', name => {
  const source = sources.get(name)!;
  const before = tokens(source);
  const after = tokens(denseShader(source));

  test('has the same tokens, but for names that one function declares', () => {
    expect(after.length).toBe(before.length);
    const inside = places(before);
    const renamed = new Map<string, string>();
    const taken = new Map<string, string>();
    for (const [i, token] of before.entries()) {
      const [old = '', ...members] = token.split('.');
      const [now = '', ...rest] = after[i]!.split('.');
      expect(rest).toEqual(members);
      const isName = /^[a-z_]\w*$/i.test(old) && before[i - 1] !== '@' && before[i - 1] !== '.';
      if (inside[i] === null || !isName) {
        expect(now).toBe(old);
        continue;
      }
      // One name for one thing, in each function, and the other way round.
      expect(renamed.get(`${inside[i]} ${old}`) ?? now).toBe(now);
      expect(taken.get(`${inside[i]} ${now}`) ?? old).toBe(old);
      renamed.set(`${inside[i]} ${old}`, now);
      taken.set(`${inside[i]} ${now}`, old);
    }
    for (const [key, now] of renamed) {
      const old = key.slice(key.indexOf(' ') + 1);
      if (now === old) continue;
      expect(now).toMatch(/^[a-z]\d?$/);
      // Nothing of another text of the same module, which locals would hide: no function, and nothing that a local begins as.
      expect(source).not.toMatch(
        new RegExp(`(?<![\\w.@])${old}\\(|(let|var|const) ${old}\\b[^;]*=[^;]*(?<![\\w.])${old}\\b`),
      );
    }
  });
});
