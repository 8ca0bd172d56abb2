// The command line: finds the command, runs it, and turns what goes wrong into a message and an exit code.

import { createWriteStream, fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { CodeFormerError, type ErrorCode } from '../errors.js';
import { benchCommand, hasBenches } from './bench.js';
import { CODES_HELP, codesCommand } from './codes.js';
import { DETECT_HELP, detectCommand } from './detect.js';
import { DOCTOR_HELP, doctorCommand } from './doctor.js';
import { SERVICES, type Services } from './engine.js';
import { looksLikePicture } from './inputs.js';
import { type Io, StdoutError, talk, writeStdout } from './io.js';
import { nearest } from './nearest.js';
import { packageVersion } from './package.js';
import { RESTORE_HELP, restoreCommand } from './restore.js';
import { SWEEP_HELP, sweepCommand } from './sweep.js';

interface Command {
  readonly summary: string;
  run(args: string[], io: Io, services: Services): Promise<number>;
  /** Null where the command prints its own. */
  readonly help: string | null;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  restore: { summary: 'restore the faces of photos, or aligned crops', help: RESTORE_HELP, run: restoreCommand },
  detect: { summary: 'find the faces of photos', help: DETECT_HELP, run: detectCommand },
  sweep: { summary: 'show faces at several fidelities on one sheet', help: SWEEP_HELP, run: sweepCommand },
  codes: { summary: 'print the codes of an aligned face crop as JSON', help: CODES_HELP, run: codesCommand },
  weights: {
    summary: 'list, get, inspect, convert, verify and generate weights',
    help: null,
    run: async (args, io) => (await import('./weights.js')).weightsCommand(args, io),
  },
  doctor: { summary: 'say what is found and what is missing', help: DOCTOR_HELP, run: doctorCommand },
  ...(hasBenches() && { bench: { summary: 'run the benches of this source checkout', help: null, run: benchCommand } }),
};

const USAGE = `Usage: codeformer <command>

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(9)}${summary}\n`)
  .join('')}
  codeformer <command> --help says more; codeformer --version prints the version. Without a command, restore is meant.

  codeformer restore photo.jpg -o restored.png --fidelity 0.7

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no usable WebGPU adapter, 4 some of several pictures failed, 130 aborted.
`;

const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: 2,
  NO_ADAPTER: 3,
  ADAPTER_LIMITS: 3,
  ABORTED: 130,
};

const HINTS: Partial<Record<ErrorCode, string>> = {
  IMAGE_TOO_LARGE: '--max-pixels raises the limit',
  OUT_OF_MEMORY: 'close what else uses the GPU, or try --adapter software',
  WEIGHTS_MISMATCH: '`codeformer weights inspect FILE` shows what is in a file of weights',
};

/**
 * Runs a command line.
 * @param argv the arguments after the program
 * @returns the exit code
 */
export async function main(argv: readonly string[], io: Io, services: Services = SERVICES): Promise<number> {
  try {
    return await dispatch(argv, io, services);
  } catch (error) {
    return explain(error, io);
  }
}

async function dispatch(argv: readonly string[], io: Io, services: Services): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined) {
    io.stderr.write(USAGE);
    return 2;
  }
  if (name === '--version' || name === '-v') {
    await writeStdout(io, `${await packageVersion()}\n`);
    return 0;
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    const about = args[0];
    if (about === undefined) await writeStdout(io, USAGE);
    else {
      const { help, run } = commandOf(about);
      if (help === null) return run(['--help'], io, services);
      await writeStdout(io, help);
    }
    return 0;
  }
  if (await meansRestore(name)) return restoreCommand(argv, io, services);
  return commandOf(name).run(args, io, services);
}

/** Whether a command line begins with a picture or a flag: other tools have no commands, and the main one is meant. */
async function meansRestore(first: string): Promise<boolean> {
  if (Object.hasOwn(COMMANDS, first)) return false;
  return /^-|[/\\*?[]/.test(first) || looksLikePicture(first) || (await stat(first).catch(() => null)) !== null;
}

function commandOf(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    const names = Object.keys(COMMANDS);
    const meant = nearest(name, [...names, 'help']);
    const question = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `Expected one of ${names.join(', ')} for the command but received ${JSON.stringify(name)}${question}`,
    );
  }
  return command;
}

/** Says what went wrong, in one line and where it helps another; the stack only with DEBUG. Returns the exit code. */
function explain(error: unknown, io: Io): number {
  const say = talk(io, false);
  const known = error instanceof CodeFormerError;
  if (io.signal.aborted) {
    say.error('aborted');
    return 130;
  }
  // Nobody is there to be told.
  if (error instanceof StdoutError && error.readerLeft) return 1;
  const message = String((error as Error | undefined)?.message ?? error).replace(/\s*\n\s*/g, ' ');
  say.error(known ? message : `${message} (a defect of codeformer-webgpu; DEBUG=1 shows where)`);
  const hint = known ? HINTS[error.code] : undefined;
  if (hint) say.hint(hint);
  if (io.env.DEBUG && error instanceof Error) io.stderr.write(`${error.stack}\n`);
  return (known && EXIT_CODES[error.code]) || 1;
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
  process.exitCode = ended !== null && code === 130 ? 128 + constants.signals[ended] : code;
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
