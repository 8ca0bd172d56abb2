// What a command may touch of the process, so that tests can run it without one: streams, environment, and the signal of Ctrl-C. Results
// go to stdout, everything that is said to stderr.

import type { Readable } from 'node:stream';
import { throwIfAborted } from '../errors.js';

export interface Io {
  readonly stdin: Readable;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** All of stdin. */
export async function readStdin({ stdin, signal }: Io): Promise<Uint8Array> {
  const stop = () => stdin.destroy();
  signal.addEventListener('abort', stop);
  try {
    throwIfAborted(signal);
    const chunks: Uint8Array[] = [];
    for await (const chunk of stdin) chunks.push(chunk as Uint8Array);
    throwIfAborted(signal);
    return Buffer.concat(chunks);
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Writes to stdout and waits until it is taken. */
export function writeStdout({ stdout }: Io, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(data, error => (error ? reject(error) : resolve()));
  });
}

/** What is said on stderr while a command works. */
export interface Talk {
  /** Not with `--quiet`. */
  note(text: string): void;
  /** Always. */
  warn(text: string): void;
  error(text: string): void;
  /** One line that is written over, only on a terminal; a share of 1 takes it away. */
  progress(label: string, share: number): void;
}

const CLEAR_LINE = '\r\x1b[K';
const BAR = 24;
const RED = 31;
const YELLOW = 33;

export function talk({ stderr, env }: Io, quiet: boolean): Talk {
  const terminal = stderr.isTTY === true && env.TERM !== 'dumb';
  const colour = terminal && !env.NO_COLOR;
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  let shown = false;
  let last = 0;
  const line = (text: string) => {
    stderr.write(`${shown ? CLEAR_LINE : ''}${text}\n`);
    shown = false;
  };
  return {
    note: text => {
      if (!quiet) line(text);
    },
    warn: text => line(`${paint(YELLOW, 'warning:')} ${text}`),
    error: text => line(`${paint(RED, 'error:')} ${text}`),
    progress(label, share) {
      if (!terminal || quiet) return;
      const now = performance.now();
      // Not more often than the eye follows, but at once where there is no line yet.
      if (shown && share < 1 && now - last < 50) return;
      last = now;
      if (share >= 1) {
        if (shown) stderr.write(CLEAR_LINE);
        shown = false;
        return;
      }
      const full = Math.round(share * BAR);
      const bar = `${'#'.repeat(full)}${'.'.repeat(BAR - full)}`;
      stderr.write(`${CLEAR_LINE}[${bar}] ${String(Math.floor(share * 100)).padStart(3)} % ${label}`);
      shown = true;
    },
  };
}
