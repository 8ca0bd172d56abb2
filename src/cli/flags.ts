// Parses the flags of a command from one table, which its help is printed from as well.

import { parseArgs } from 'node:util';
import { CodeFormerError, invalidArgument } from '../errors.js';

export interface Flag {
  /** Name of the value in the help; a flag without one is true or absent. */
  readonly value?: string;
  readonly short?: string;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

export type FlagValues<F extends Flags> = {
  [K in keyof F]: (F[K] extends { value: string } ? string : boolean) | undefined;
};

/** Flags of every command that works on pictures. */
export const COMMON_FLAGS = {
  weights: { value: 'FILE', help: 'restorer: a file, a URL, or embedded (default)' },
  adapter: { value: 'KIND', help: 'auto (default: a GPU, else a software adapter), gpu or software' },
  precision: { value: 'P', help: 'auto (default, f32), f32 or f16, which halves the memory but has a smaller range' },
  'max-pixels': { value: 'N', help: 'largest picture that is read, in pixels (default 100000000)' },
  quiet: { short: 'q', help: 'say nothing but warnings and errors' },
  help: { short: 'h', help: 'show this' },
} as const satisfies Flags;

/**
 * Parses arguments. Flags are in kebab case; the underscores of the hosted API are taken as well.
 * @throws `INVALID_ARGUMENT` for unknown flags and missing or unexpected values
 */
export function parseFlags<F extends Flags>(
  command: string,
  flags: F,
  args: readonly string[],
): { values: FlagValues<F>; inputs: string[] } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value, short }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short && { short }) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: normalize(args, flags),
      options,
      allowPositionals: true,
      allowNegative: true,
    });
    return { values: values as FlagValues<F>, inputs: positionals };
  } catch (cause) {
    // The first sentence says what is wrong, the rest is advice on escaping.
    const reason = (cause as Error).message.split(/\. |\n/)[0]!.replace(/\.$/, '');
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `${reason}; \`codeformer ${command} --help\` lists what ${command} takes`,
      { cause },
    );
  }
}

/** Flag names in kebab case, and negative numbers tied to their flags, which would else be taken for flags themselves. */
function normalize(args: readonly string[], flags: Flags): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--') return [...result, ...args.slice(i)];
    const flag = /^--[^=]*/.exec(arg)?.[0].replaceAll('_', '-');
    if (!flag) {
      result.push(arg);
      continue;
    }
    const next = args[i + 1];
    if (!arg.includes('=') && flags[flag.slice(2)]?.value && next !== undefined && /^-[\d.]/.test(next)) {
      result.push(`${flag}=${next}`);
      i++;
    } else {
      result.push(flag + arg.slice(flag.length));
    }
  }
  return result;
}

/** The help of a command. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { value, short, help }]) => [
    `${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`,
    help,
  ]);
  const width = Math.max(...rows.map(([left]) => left!.length));
  return rows.map(([left, help]) => `  ${left!.padEnd(width)}  ${help}\n`).join('');
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
