// What a command may touch of the process, so that tests can run it without one: streams, environment, and the signal of Ctrl-C. Results
// go to stdout, everything that is said to stderr.

import type { Readable } from 'node:stream';
import { CodeFormerError } from '../errors.js';

export interface Io {
  readonly stdin: Readable;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C and its like. */
  readonly signal: AbortSignal;
}

/** Stdout takes nothing more: work for it is in vain, whatever the picture. */
export class StdoutError extends CodeFormerError {
  constructor(cause: Error) {
    super('FILE_UNWRITABLE', `stdout cannot be written: ${cause.message}`, { cause });
  }

  /** Whether the reader has left, as `head` does, to whom nothing need be said. */
  get readerLeft(): boolean {
    return (this.cause as NodeJS.ErrnoException).code === 'EPIPE';
  }
}

/** Writes to stdout and waits until it is taken. Throws `StdoutError`. */
export function writeStdout({ stdout }: Pick<Io, 'stdout'>, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(data, error => (error ? reject(new StdoutError(error)) : resolve()));
  });
}

/** Writes an object to stdout, by default on a line of its own. */
export function writeJson(io: Pick<Io, 'stdout'>, value: unknown, indent?: number): Promise<void> {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'string' ? withoutSecrets(part) : part), indent);
  // JSON may hold control characters above 0x7f as they are; a terminal would obey them.
  return writeStdout(io, `${text.replace(/[\x7f-\x9f]/g, escaped)}\n`);
}

/** Addresses without passwords, and without queries, which are where signatures and tokens stand. */
const withoutSecrets = (text: string): string =>
  text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi, '$1***@')
    .replace(/\b(https?:\/\/[^\s?#]*\?)[^\s#"']*[^\s#"':;,.)]/gi, '$1***');

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * A text that may be anyone's, as the name of a file, for a line on a terminal: what a terminal would obey, or show in another order
 * than it stands there, is escaped, and passwords are left out.
 */
export const printable = (text: string): string =>
  withoutSecrets(text)
    .replaceAll('\n', '\\n')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
    .replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, escaped);

export const grouped = (value: number): string => value.toLocaleString('en-US');

/** What is said on stderr while a command works. All texts become one line, fit for a terminal. */
export interface Talk {
  /** Not with `--quiet`. */
  note(text: string): void;
  /** Always. */
  warn(text: string): void;
  error(text: string): void;
  hint(text: string): void;
  /** One line that is written over, only on a terminal; a share of 1 takes it away, null has no bar. */
  progress(label: string, share: number | null): void;
  /** Takes the line of progress away. */
  clear(): void;
}

const CLEAR_LINE = '\r\x1b[K';
const BAR = 24;
const RED = 31;
const YELLOW = 33;

export function talk({ stderr, env }: Pick<Io, 'stderr' | 'env'>, quiet: boolean): Talk {
  const terminal = stderr.isTTY === true && env.TERM !== 'dumb';
  const colour = terminal && !env.NO_COLOR;
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  let shown = false;
  let last = 0;
  const clear = () => {
    if (shown) stderr.write(CLEAR_LINE);
    shown = false;
  };
  const line = (head: string, text: string) => {
    clear();
    stderr.write(`${head}${printable(text)}\n`);
  };
  return {
    clear,
    note: text => {
      if (!quiet) line('', text);
    },
    warn: text => line(`${paint(YELLOW, 'warning:')} `, text),
    error: text => line(`${paint(RED, 'error:')} `, text),
    hint: text => line('hint: ', text),
    progress(label, share) {
      if (!terminal || quiet) return;
      if (share !== null && share >= 1) return clear();
      const now = performance.now();
      // Not more often than the eye follows, but at once where there is no line yet.
      if (shown && now - last < 50) return;
      last = now;
      const full = Math.round((share ?? 0) * BAR);
      const bar = `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${String(Math.floor((share ?? 0) * 100)).padStart(3)} % `;
      const text = `${share === null ? '' : bar}${printable(label)}`;
      // A line that the terminal breaks could not be taken away.
      stderr.write(`${CLEAR_LINE}${text.slice(0, (stderr.columns ?? 80) - 1)}`);
      shown = true;
    },
  };
}
