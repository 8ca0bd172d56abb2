// The tables of README and docs say what the code has: options, flags, commands, error codes and exit codes, in both directions and with the
// defaults that they state.

import { readdirSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { EXIT_CODES, explain } from '../src/cli/errors.js';
import { CodeFormerError, type ErrorCode } from '../src/errors.js';
import { checkEncodeOptions } from '../src/image/encoding.js';
import { pixelLimit } from '../src/image/picture.js';
import { checkRestoreOptions } from '../src/pipeline/options.js';
import { insideOfStack, type Platform } from '../src/pipeline/platform.js';
import { Restorer } from '../src/pipeline/restorer.js';
import { DEFAULT_RULES } from '../src/pipeline/rules.js';
import { INPUT } from '../src/server/schema.js';
import type { ClientOptions } from '../src/web/client.js';
import type { WebRestorerOptions } from '../src/web/restorer.js';
import { codeformer } from './cli/harness.js';

const textOf = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = textOf('README.md');

/** The rows of the table whose first cell is that. */
function tableOf(text: string, head: string): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex(line => line.startsWith(`| ${head} |`));
  const rows = lines.slice(start + 2, lines.indexOf('', start));
  return rows.map(row =>
    row
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  );
}

const namesIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);

/** What a table states for each name: nothing, or the default. */
function statedIn(rows: readonly string[][]): Map<string, string | null> {
  const stated = new Map<string, string | null>();
  for (const [cell, defaults] of rows) {
    const names = namesIn(cell!);
    const values = defaults === '' ? names.map(() => null) : defaults!.split(', ');
    expect(values, cell).toHaveLength(names.length);
    names.forEach((name, i) => {
      expect(stated.has(name), name).toBe(false);
      stated.set(name, values[i]!);
    });
  }
  return stated;
}

const plain = (text: string) =>
  text
    .replace(/[`']/g, '')
    .replace(/(?<=\d),(?=\d{3})/g, '')
    .replace(' million', '000000');

/** The default that the docstring of an option states. */
function documented(file: string, option: string): string | null {
  const [, comment] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+readonly ${option}\\?:`).exec(textOf(file)) ?? [];
  const [, value] = /Default:? (.+?)(?:[:;.]\s|$)/.exec(comment ?? '') ?? [];
  return value === undefined ? null : plain(value);
}

describe('options of restore', () => {
  const stated = statedIn(tableOf(readme, 'option of `restore`'));
  const { rules, given, parts, ...others } = checkRestoreOptions({}, 8);
  const encoding = checkEncodeOptions({});
  const defaults: Record<string, unknown> = {
    ...others,
    ...parts,
    compat: rules !== DEFAULT_RULES,
    maxPixels: pixelLimit(others.maxPixels),
    quality: encoding.quality,
    background: `#${encoding.background.map(value => value.toString(16)).join('')}`,
  };

  test('are all in the README, and no others', () => {
    expect([...stated.keys()].sort()).toEqual(Object.keys(defaults).sort());
  });

  test('have the defaults that it states', () => {
    for (const [name, value] of stated) {
      if (value === 'drawn') expect(defaults[name], name).toBeTypeOf('number');
      else if (value === 'pixels') expect(defaults[name], name).toBe(null);
      else if (value !== null) expect(JSON.parse(value.replace(/[`']+/g, '"')), name).toEqual(defaults[name]);
    }
  });

  test('have them in their docstrings', () => {
    const shown = [...stated].map(
      ([name, value]) => [name, value && documented('src/pipeline/types.ts', name)] as const,
    );
    const missing = shown.filter(([name, value]) => value !== null && value !== plain(stated.get(name)!));
    // An object without anything in it needs no words, and the colour has one.
    expect(Object.fromEntries(missing)).toEqual({ background: 'white' });
  });
});

describe('options of createRestorer', () => {
  const stated = statedIn(tableOf(readme, 'option of `createRestorer`'));
  // The compiler refuses this where one is missing or too many.
  const networks = { weights: 1, detector: 1, parser: 1, upscaler: 1 };
  const known: Record<keyof WebRestorerOptions | keyof ClientOptions, 1> = {
    ...(networks as Record<keyof typeof networks, 1>),
    adapter: 1,
    precision: 1,
    subgroupMatrices: 1,
    device: 1,
    signal: 1,
    weightsBase: 1,
    onWeights: 1,
    worker: 1,
    workerTimeout: 1,
  };

  test('are all in the README, and no others', () => {
    expect([...stated.keys()].sort()).toEqual(Object.keys(known).sort());
  });

  test('have the defaults that it states', async () => {
    const none = Object.fromEntries(Object.keys(networks).map(name => [name, null]));
    for (const name of Object.keys(networks)) {
      let asked: unknown = null;
      const platform = {
        openWeights: source => Promise.reject((asked = source)),
        createDevice: () => Promise.reject(new Error('no device')),
        inside: insideOfStack(),
      } satisfies Partial<Platform>;
      await Restorer.create({ ...none, [name]: undefined }, platform as unknown as Platform).catch(() => {});
      expect(String(asked), name).toBe(plain(stated.get(name)!));
    }
  });

  test('have them in their docstrings', () => {
    const files = ['src/pipeline/restorer-types.ts', 'src/executor.ts', 'src/web/client.ts'];
    for (const [name, value] of stated) {
      if (value === null) continue;
      const said = files.map(file => documented(file, name)).filter(text => text !== null);
      expect(new Set(said), name).toEqual(new Set([plain(value)]));
    }
  });
});

const helpOf = async (...name: string[]) => (await codeformer([...name, '--help'])).stdout.toString();

/** The commands that a help lists. */
const commandsIn = (help: string) => [...help.matchAll(/^ {2}([a-z]+)(?: [A-Z.]+)* {2,}\S/gm)].map(([, name]) => name!);

/** The flags that the help of a command lists, with what it says of them. */
const flagsIn = (help: string) =>
  [...help.matchAll(/^ {2}(?:-(\w), | {4})--([a-z-]+)(?: [A-Z]+)? {2,}(.*)$/gm)].map(([, short, name, text]) => {
    const [, before, after] = /(\S+) \(default[):,]|\bdefault ([^\s),]+)/.exec(text!) ?? [];
    return { name: name!, short, otherwise: before ?? after ?? null };
  });

describe('the command line', async () => {
  const weights = commandsIn(await helpOf('weights')).map(name => `weights ${name}`);
  const top = commandsIn(await helpOf());
  const section = readme.slice(readme.indexOf('\n## Command line'), readme.indexOf('\n## Adapters'));
  const rows = tableOf(readme, 'flag of `restore`').map(([cell, value]) => {
    const names = namesIn(cell!).filter(name => name.startsWith('--'));
    return [names.map(name => `\`${/--(?:no-)?([a-z-]+)/.exec(name)![1]}\``).join(', '), value!];
  });

  test('has the commands of the README, and no others', () => {
    const named = tableOf(readme, 'command').flatMap(([cell]) => namesIn(cell!));
    const names = named.map(name => /^(?:weights )?[a-z]+/.exec(name)![0]);
    expect(names.sort()).toEqual([...top.filter(name => name !== 'weights'), ...weights].sort());
  });

  test('has the flags of restore that the README has, with the same defaults', async () => {
    const flags = flagsIn(await helpOf('restore')).filter(({ name }) => name !== 'help');
    const stated = statedIn(rows);
    expect([...stated.keys()].sort()).toEqual(flags.map(({ name }) => name).sort());
    for (const { name, short, otherwise } of flags) {
      const value = stated.get(name) ?? null;
      if (value !== null) expect(value === 'off' ? null : plain(value), name).toBe(otherwise);
      if (short) expect(section, name).toContain(`\`--${name}\`, \`-${short}\``);
    }
  });

  test('has the defaults of serve that the README states', async () => {
    const stated = statedIn(tableOf(readme, 'flag of `serve`')) as Map<string, string | null>;
    const flags = flagsIn(await helpOf('serve')).filter(({ name }) => name !== 'help');
    expect([...stated.keys()].sort()).toEqual(flags.map(({ name }) => `--${name}`).sort());
    const own = flags.filter(({ name }) => stated.get(`--${name}`) !== null);
    expect(own.map(({ name, otherwise }) => [`--${name}`, otherwise])).toEqual(
      own.map(({ name }) => [`--${name}`, stated.get(`--${name}`)]),
    );
  });

  test('has no flag that the README does not name, nor the other way round', async () => {
    const commands = [...top.filter(name => name !== 'weights'), ...weights];
    const flags = await Promise.all(commands.map(async name => flagsIn(await helpOf(...name.split(' ')))));
    const known = new Set(
      flags
        .flat()
        .flatMap(({ name, short }) => [
          `--${name.replace(/^no-/, '')}`,
          ...(short && short !== 'h' ? [`-${short}`] : []),
        ]),
    );
    const named = new Set(
      [...section.matchAll(/(?<=[\s`[])--?[a-z][a-z-]*\b(?![_a-z])/g)].map(([name]) => name.replace('--no-', '--')),
    );
    expect([...known].filter(name => !named.has(name))).toEqual([]);
    // Of the original, as the README says.
    expect([...named].filter(name => !known.has(name))).toEqual(['--upscale']);
  });

  test('has the exit codes that it prints and the README states', async () => {
    const table = Object.entries(EXIT_CODES).map(([meaning, code]) => `${code} ${meaning}`);
    expect(await helpOf()).toContain(`Exit codes: ${table.join(', ')}.\n`);
    expect(readme).toContain(`Exit codes: ${table.join(', ')}\n`);
  });
});

describe('the server', () => {
  test('has the fields of the input that the README states, with the same defaults', () => {
    const stated = statedIn(tableOf(readme, 'field of the input'));
    const { properties } = z.toJSONSchema(INPUT, { io: 'input' });
    expect([...stated.keys()].sort()).toEqual(Object.keys(properties!).sort());
    for (const [name, value] of stated) {
      const { default: otherwise } = properties![name] as { default?: unknown };
      const given =
        value === null || ['drawn', 'none'].includes(value) ? undefined : JSON.parse(value.replace(/[`']+/g, '"'));
      expect(given, name).toEqual(otherwise);
    }
  });

  test('has the statuses that the README states', () => {
    const stated = tableOf(readme, 'status').flatMap(([cell]) => cell!.split(', '));
    const files = readdirSync(new URL('../src/server', import.meta.url), { recursive: true, encoding: 'utf8' });
    const source = files.filter(name => name.endsWith('.ts')).map(name => textOf(`src/server/${name}`));
    const statuses = source
      .join('')
      .matchAll(/(?:JobError|super)\((\d{3})\b|\bstatus: ([45]\d\d)\b|\? ([45]\d\d) : ([45]\d\d)/g);
    const thrown = new Set([...statuses].flatMap(found => found.slice(1).filter(status => status !== undefined)));
    expect(stated.sort()).toEqual([...thrown].sort());
  });
});

test('docs/errors.md has the codes of the library, their meaning and their exit codes', () => {
  const source = textOf('src/errors.ts');
  const union = /export type ErrorCode =([\s\S]+?');\n/.exec(source)![1]!;
  const codes = [...union.matchAll(/\| '([A-Z_]+)'/g)].map(([, code]) => code!);
  const meanings = [...union.matchAll(/\/\*\* (.+) \*\/\s+\| '([A-Z_]+)'/g)].map(([, text, code]) => [code!, text!]);
  expect(meanings.map(([code]) => code)).toEqual(codes);
  const expected = meanings.map(([code, text]) => {
    const error = new CodeFormerError(code as ErrorCode, '');
    return [`\`${code}\``, text, String(explain(error, { env: {}, stderr: new PassThrough() }))];
  });
  expect(tableOf(`${textOf('docs/errors.md')}\n`, 'code')).toEqual(expected);
});
