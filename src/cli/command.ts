// Commands: one description of each, from which its arguments are parsed and checked and its help is printed, and groups of them.

import { CodeFormerError } from '../errors.js';
import type { Services } from './engine.js';
import { EXIT_CODES } from './errors.js';
import { describeFlags, type Flags, type FlagValues, parseFlags } from './flags.js';
import { type Io, writeStdout } from './io.js';
import { nearest } from './nearest.js';

/** What the arguments of a command say. */
export interface Arguments<F extends Flags = Flags> {
  readonly values: FlagValues<F>;
  readonly inputs: readonly string[];
}

export interface Command {
  readonly summary: string;
  /** What stands for its arguments that are no flags: one, or with `...` any number. Absent where there are none. */
  readonly positional?: string | undefined;
  /**
   * Runs the command and returns the exit code.
   * @param name as it is called, with the group that it is of
   * @throws CodeFormerError for all that goes wrong; `INVALID_ARGUMENT` for wrong usage
   */
  run(name: string, args: readonly string[], io: Io, services: Services): Promise<number>;
}

interface Description<F extends Flags> extends Omit<Command, 'run'> {
  /** What stands in its help behind the name, above the flags and below them. */
  readonly usage: string;
  readonly about: string;
  readonly notes?: string;
  readonly flags: F;
  run(args: Arguments<F>, io: Io, services: Services): Promise<number>;
}

const HELP_FLAG = { help: { short: 'h', help: 'show this' } } as const satisfies Flags;

/** A command from its description. */
export function command<F extends Flags>(description: Description<F>): Command {
  const { summary, positional, usage, about, notes, run } = description;
  const flags = { ...description.flags, ...HELP_FLAG };
  return {
    summary,
    positional,
    async run(name, args, io, services) {
      const { values, inputs } = parseFlags(name, flags, args);
      if (values.help) {
        const blocks = [`Usage: codeformer ${name} ${usage}\n`, `${about}\n`, describeFlags(flags)];
        await writeStdout(io, [...blocks, ...(notes === undefined ? [] : [notes])].join('\n'));
        return EXIT_CODES.done;
      }
      if (!positional?.endsWith('...') && inputs.length !== (positional ? 1 : 0)) {
        const got = inputs.length === 0 ? 'nothing' : JSON.stringify(inputs.join(' '));
        throw new CodeFormerError(
          'INVALID_ARGUMENT',
          `Expected ${positional ?? 'no argument'} for ${name} but received ${got}`,
        );
      }
      return run({ values: values as FlagValues<F>, inputs }, io, services);
    },
  };
}

/** Whether a word in the place of a command asks for help. */
export const asksForHelp = (word: string): boolean => ['help', '--help', '-h'].includes(word);

/**
 * Commands behind a common word, or behind none.
 * @param notes stand below the list in the help
 * @returns what runs the one that is named
 */
export function group(commands: Readonly<Record<string, Command>>, notes: string): Command['run'] {
  const names = Object.keys(commands);
  const rows = Object.entries(commands).map(([name, { positional, summary }]) => {
    return [[name, positional].filter(Boolean).join(' '), summary] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  const list = rows.map(([left, summary]) => `  ${left.padEnd(width)}  ${summary}\n`).join('');
  return async (own, [name, ...args], io, services) => {
    const before = own === '' ? '' : `${own} `;
    const help = `Usage: codeformer ${before}<command>\n\n${list}\n${notes}`;
    if (name === undefined) {
      io.stderr.write(help);
      return EXIT_CODES['wrong usage'];
    }
    const [about] = args;
    if (asksForHelp(name) && about === undefined) {
      await writeStdout(io, help);
      return EXIT_CODES.done;
    }
    const [meant, rest] = asksForHelp(name) ? [about!, ['--help']] : [name, args];
    const found = Object.hasOwn(commands, meant) ? commands[meant] : undefined;
    if (!found) throw unknownWord(meant, `one of ${names.join(', ')}`, `the ${before}command`, [...names, 'help']);
    return found.run(before + meant, rest, io, services);
  };
}

/**
 * The error for a word that is none of those that are known, with the one that was probably meant.
 * @param what what was expected
 * @param name what the word is for
 */
export function unknownWord(word: string, what: string, name: string, known: readonly string[]): CodeFormerError {
  const meant = nearest(word, known);
  const question = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new CodeFormerError(
    'INVALID_ARGUMENT',
    `Expected ${what} for ${name} but received ${JSON.stringify(word)}${question}`,
  );
}
