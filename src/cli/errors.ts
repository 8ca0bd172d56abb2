// What goes wrong, as the command line says it: exit codes, messages and hints.

import { CodeFormerError, type ErrorCode } from '../errors.js';
import { type Io, type Talk, talk } from './io.js';

/** The exit codes by their meaning. */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  'wrong usage': 2,
  'no usable adapter': 3,
  'some of several pictures failed': 4,
  aborted: 130,
} as const;

/** Errors with an exit code of their own, or with advice; all others are failures. */
const ERRORS: Partial<Record<ErrorCode, { readonly exit?: keyof typeof EXIT_CODES; readonly hint?: string }>> = {
  INVALID_ARGUMENT: { exit: 'wrong usage' },
  NO_ADAPTER: { exit: 'no usable adapter', hint: '`codeformer doctor` says what is missing' },
  ADAPTER_LIMITS: { exit: 'no usable adapter' },
  ABORTED: { exit: 'aborted' },
  IMAGE_TOO_LARGE: { hint: '--max-pixels raises the limit' },
  OUT_OF_MEMORY: { hint: 'close what else uses the GPU, or try --adapter wasm' },
  WEIGHTS_MISMATCH: { hint: '`codeformer weights inspect FILE` shows what is in a file of weights' },
};

/** What an error says, in one line. */
export const messageOf = (error: unknown): string =>
  String((error as Error | undefined)?.message ?? error).replace(/\s*\n\s*/g, ' ');

/**
 * Says what went wrong; the stack only with DEBUG.
 * @param about what it went wrong with, where the message does not say
 */
export function tell(error: unknown, say: Talk, { env, stderr }: Pick<Io, 'env' | 'stderr'>, about = ''): void {
  const message = messageOf(error);
  const defect = error instanceof CodeFormerError ? '' : ' (a defect of codeformer-webgpu; DEBUG=1 shows where)';
  say.error(`${message.includes(about) ? '' : `${about}: `}${message}${defect}`);
  if (env.DEBUG && error instanceof Error) stderr.write(`${error.stack}\n`);
}

/** Says what ended a command, and what helps. Returns the exit code. */
export function explain(error: unknown, io: Pick<Io, 'env' | 'stderr'>): number {
  const say = talk(io, false);
  tell(error, say, io);
  const { hint } = knownOf(error);
  if (hint) say.hint(hint);
  return exitCodeOf(error);
}

const knownOf = (error: unknown) => (error instanceof CodeFormerError && ERRORS[error.code]) || {};

/** The exit code of a command that an error ends. */
export const exitCodeOf = (error: unknown): number => EXIT_CODES[knownOf(error).exit ?? 'failed'];
