// The command line: finds the command, runs it, and turns what goes wrong into a message and an exit code.

import { createWriteStream, fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { packageVersion } from '../node/package.js';
import { bench } from './bench.js';
import { codes } from './codes.js';
import { asksForHelp, type Command, group } from './command.js';
import { detect } from './detect.js';
import { doctor } from './doctor.js';
import { SERVICES, type Services } from './engine.js';
import { EXIT_CODES, explain } from './errors.js';
import { looksLikePicture } from './inputs.js';
import { type Io, StdoutError, talk, writeStdout } from './io.js';
import { restore } from './restore.js';
import { sweep } from './sweep.js';
import { tune } from './tune.js';

const COMMANDS: Readonly<Record<string, Command>> = {
  restore,
  detect,
  sweep,
  codes,
  weights: {
    summary: 'list, get, inspect, convert, verify and generate weights',
    run: async (...args) => (await import('./weights.js')).weights(...args),
  },
  serve: {
    summary: 'serve the hosted API on this machine',
    run: async (...args) => (await import('./serve.js')).serve.run(...args),
  },
  worker: {
    summary: 'restore photos for servers that share a Redis',
    run: async (...args) => (await import('./worker.js')).worker.run(...args),
  },
  doctor,
  tune,
  bench,
};

const commands = group(
  COMMANDS,
  `  codeformer <command> --help says more; codeformer --version prints the version. Without a command, restore is meant.

  codeformer restore photo.jpg -o restored.png --fidelity 0.7

Exit codes: ${Object.entries(EXIT_CODES)
    .map(([meaning, code]) => `${code} ${meaning}`)
    .join(', ')}.
`,
);

/**
 * Runs a command line.
 * @param argv the arguments after the program
 * @returns the exit code
 */
export async function main(argv: readonly string[], io: Io, services: Services = SERVICES): Promise<number> {
  const [first] = argv;
  try {
    if (first === '--version' || first === '-v') {
      await writeStdout(io, `${await packageVersion()}\n`);
      return EXIT_CODES.done;
    }
    const implied = first !== undefined && (await meansRestore(first));
    return await (implied ? restore.run('restore', argv, io, services) : commands('', argv, io, services));
  } catch (error) {
    if (io.signal.aborted) {
      talk(io, false).error('aborted');
      return EXIT_CODES.aborted;
    }
    // Nobody is there to be told.
    if (error instanceof StdoutError && error.readerLeft) return EXIT_CODES.failed;
    return explain(error, io);
  }
}

/** Whether a command line begins with a picture or a flag: other tools have no commands, and the main one is meant. */
async function meansRestore(first: string): Promise<boolean> {
  if (Object.hasOwn(COMMANDS, first) || asksForHelp(first)) return false;
  return /^-|[/\\*?[]/.test(first) || looksLikePicture(first) || (await stat(first).catch(() => null)) !== null;
}

/** Signals that ask a process to end: Ctrl-C, the system, a terminal that goes. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the command line of this process. */
export async function run(): Promise<void> {
  const controller = new AbortController();
  let ended: NodeJS.Signals | null = null;
  const end = (signal: NodeJS.Signals) => {
    ended = signal;
    controller.abort();
    // The first signal ends the work in order. A second one is left to the system, which waits for nothing.
    for (const name of ENDING) process.removeListener(name, end);
  };
  for (const name of ENDING) process.on(name, end);
  // What fails is told to who writes, and that stderr is gone can be told to nobody: neither is a reason to lose the work.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const { stdin, stderr, env } = process;
  const stdout = wholeStdout();
  const code = await main(process.argv.slice(2), { stdin, stdout, stderr, env, signal: controller.signal });
  process.exitCode = ended !== null && code === EXIT_CODES.aborted ? 128 + constants.signals[ended] : code;
}

/** Stdout; where it is a file, as a stream that also writes the rest of what the disk took only a part of. */
function wholeStdout(): Io['stdout'] {
  let isFile = false;
  try {
    isFile = fstatSync(1).isFile();
  } catch {
    // Closed: writing says so.
  }
  if (!isFile) return process.stdout;
  const stream = createWriteStream('', { fd: 1, autoClose: false });
  stream.on('error', () => {});
  return stream;
}
