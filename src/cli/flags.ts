// Parses the flags of a command from one table, which its help is printed from as well.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { nearest } from './nearest.js';

export interface Flag {
  /** Name of the value in the help; a flag without one is true or absent, or false as `--no-<name>`. */
  readonly value?: string;
  readonly short?: string;
  /** Null for flags that exist for those who come from other tools. */
  readonly help: string | null;
  /** What the original implementation, or its hosted API, call it. */
  readonly aliases?: readonly string[];
}

export type Flags = Readonly<Record<string, Flag>>;

export type FlagValues<F extends Flags> = {
  [K in keyof F]: (F[K] extends { value: string } ? string : boolean) | undefined;
};

/** Flags of what is computed on, and how. */
export const DEVICE_FLAGS = {
  adapter: { value: 'KIND', help: 'auto (default: a GPU, else wasm), gpu, wasm or software' },
  precision: {
    value: 'P',
    help: 'auto (default: f16 on GPUs where it is enough, else f32), f32 or f16, which halves the memory',
  },
  'subgroup-matrices': {
    help: 'experimental: convolutions in f16 by tensor cores, where the GPU and its driver have such',
  },
} as const satisfies Flags;

/** Flags of every command that works on pictures. */
export const COMMON_FLAGS = {
  weights: {
    value: 'FILE',
    aliases: ['model-path', 'checkpoint'],
    help: 'restorer: a file, a URL, an official name as codeformer, or embedded (default: see --weights-dir, else embedded)',
  },
  ...DEVICE_FLAGS,
  'max-pixels': { value: 'N', help: 'largest picture that is read, in pixels (default 100000000)' },
  quiet: { short: 'q', help: 'say nothing but warnings and errors' },
  input: { value: 'IN', short: 'i', aliases: ['input-path', 'test-path', 'image'], help: null },
} as const satisfies Flags;

/** Flags of other tools that mean nothing here, or something else, and what to do instead. */
const FOREIGN: Readonly<Record<string, string>> = {
  'draw-box': '`codeformer detect IN --draw OUT` draws the boxes of the faces',
  'bg-tile': 'leave it out, as tiles are chosen to fit the memory',
  tile: 'leave it out, as tiles are chosen to fit the memory',
  'save-video-fps': 'leave it out, as videos are not read',
  device: 'did you mean --adapter?',
  'gpu-id': 'did you mean --adapter?',
  cpu: 'did you mean --adapter wasm?',
  gpu: 'did you mean --adapter gpu?',
  fp16: 'did you mean --precision f16?',
  half: 'did you mean --precision f16?',
  fp32: 'did you mean --precision f32?',
  model: 'did you mean --weights?',
  ext: 'did you mean --output-type?',
  format: 'did you mean --output-type?',
  scale: 'did you mean --upscaling?',
  outscale: 'did you mean --upscaling?',
  force: 'did you mean --overwrite?',
  y: 'did you mean --overwrite?',
  recursive: "a pattern as 'photos/**/*.jpg' reaches into folders",
  verbose: 'DEBUG=1 in the environment adds stacks to errors',
  version: '`codeformer --version` prints the version',
  V: '`codeformer --version` prints the version',
  v: 'leave it out for GFPGAN, as there is one network; `codeformer --version` prints the version',
  n: 'did you mean --upscaler?',
  'model-name': 'did you mean --upscaler?',
  'face-enhance': 'leave it out, as faces are what is restored',
};

const TRUTH = /^(?:true|false)$/i;

/**
 * Parses arguments. Flags are in kebab case; underscores, and the names that the original implementation has, are taken as well.
 * @throws `INVALID_ARGUMENT` for unknown flags and missing or unexpected values
 */
export function parseFlags<F extends Flags>(
  command: string,
  flags: F,
  args: readonly string[],
): { values: FlagValues<F>; inputs: string[] } {
  const names = new Map<string, string>();
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, { value, short, aliases = [] }] of Object.entries(flags)) {
    const type = value === undefined ? 'boolean' : 'string';
    // Of short names both forms are understood: the original had `--w`.
    for (const spelling of [name, ...(short ? [short] : []), ...aliases]) {
      names.set(spelling, name);
      options[spelling] = { type };
    }
    if (short) options[name]!.short = short;
  }
  const refuse = (message: string) =>
    new CodeFormerError(
      'INVALID_ARGUMENT',
      `${command}: ${message} (\`codeformer ${command} --help\` lists its flags)`,
    );
  const values: Record<string, string | boolean> = {};
  const inputs: string[] = [];
  const { tokens } = parseArgs({
    args: normalize(args, spelling => flags[names.get(spelling) ?? '']?.value !== undefined),
    options,
    strict: false,
    tokens: true,
  });
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'positional') {
      const before = tokens[i - 1];
      const flag = before?.kind === 'option' && before.index === token.index - 1 ? names.get(before.name) : undefined;
      // As those write it who know flags with `True` from other tools.
      if (flag !== undefined && flags[flag]!.value === undefined && TRUTH.test(token.value))
        values[flag] = /^true$/i.test(token.value);
      else inputs.push(token.value);
    }
    if (token.kind !== 'option') continue;
    const { rawName, value } = token;
    const positive = names.get(token.name);
    const name = positive ?? names.get(token.name.replace(/^no-/, ''));
    const flag = name === undefined ? undefined : flags[name];
    if (name === undefined || !flag || (positive === undefined && flag.value !== undefined)) {
      throw refuse(`there is no flag ${rawName}${advice(token.name, names, flags)}`);
    }
    if (flag.value === undefined) {
      if (value !== undefined && !(positive && TRUTH.test(value)))
        throw refuse(`${rawName} takes no value but received ${JSON.stringify(value)}`);
      values[name] = positive !== undefined && !/^false$/i.test(value ?? '');
    } else if (value === undefined || (!token.inlineValue && /^-./.test(value))) {
      const came =
        value === undefined ? 'nothing follows' : `${value} follows, which ${rawName}=${value} would make its value`;
      throw refuse(`${rawName} needs a value (${flag.value}) but ${came}`);
    } else if (name === 'input') inputs.push(value);
    else values[name] = value;
  }
  return { values: values as FlagValues<F>, inputs };
}

/** What was probably meant by an unknown flag. */
function advice(name: string, names: ReadonlyMap<string, string>, flags: Flags): string {
  const foreign = Object.hasOwn(FOREIGN, name) ? FOREIGN[name]! : undefined;
  if (foreign && !/did you mean --([a-z-]+)/.test(foreign)) return `: ${foreign}`;
  const suggested = /--([a-z-]+)/.exec(foreign ?? '')?.[1];
  if (foreign && suggested !== undefined && Object.hasOwn(flags, suggested)) return `; ${foreign}`;
  const shown = [...names].filter(([spelling, to]) => spelling.length > 1 && flags[to]!.help !== null);
  const negatives = shown.filter(([, to]) => flags[to]!.value === undefined).map(([spelling]) => `no-${spelling}`);
  const meant = name.length > 1 ? nearest(name, [...shown.map(([spelling]) => spelling), ...negatives]) : undefined;
  return meant === undefined ? '' : `; did you mean --${names.get(meant) ?? meant}?`;
}

/**
 * Flag names in kebab case, and negative numbers tied to their flags, which would else be taken for flags themselves.
 * @param takesValue whether there is a flag of this spelling with a value
 */
function normalize(args: readonly string[], takesValue: (spelling: string) => boolean): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!.replace(/^(-[a-z])=/i, '$1');
    if (arg === '--') return [...result, ...args.slice(i)];
    const [given] = /^--[^=]+|^-[a-z]$/i.exec(arg) ?? [];
    if (given === undefined) {
      result.push(arg);
      continue;
    }
    const flag = given.replaceAll('_', '-');
    const next = args[i + 1];
    if (given === arg && takesValue(flag.replace(/^--?/, '')) && next !== undefined && /^-[\d.]/.test(next)) {
      result.push(flag.startsWith('--') ? `${flag}=${next}` : `${flag}${next}`);
      i++;
    } else {
      result.push(flag + arg.slice(given.length));
    }
  }
  return result;
}

/** The help of a command. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).flatMap(([name, { value, short, help }]) =>
    help === null ? [] : [[`${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`, help] as const],
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}\n`).join('');
}

/** A number of a range from its text. */
export function numberFlag(name: string, text: string | undefined, what: string, valid: (v: number) => boolean) {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!valid(value)) throw invalidArgument(what, `--${name}`, text);
  return value;
}

/** One of some words. */
export function choiceFlag<T extends string>(name: string, text: string | undefined, choices: readonly T[]): T {
  const choice = choices.find(word => word === (text ?? choices[0]));
  if (!choice) throw invalidArgument(`one of ${choices.join(', ')}`, `--${name}`, text);
  return choice;
}
