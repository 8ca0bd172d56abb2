// The log of the server: lines of JSON. Neither keys nor pictures get into it, whoever logs what.

import { pino } from 'pino';

/** Takes an event: an error, or an object and what it is about, or a text, and the values in its place holders. */
export type LogEvent = (event: unknown, message?: string, ...values: unknown[]) => void;

/** What events are logged by: those of pino fit. */
export interface Logger {
  /** What happens often. */
  readonly debug: LogEvent;
  /** What happens. */
  readonly info: LogEvent;
  /** What somebody should look at. */
  readonly warn: LogEvent;
  /** What went wrong. */
  readonly error: LogEvent;
}

/** Letters of a value that are logged. */
const LONGEST = 1000;

/** Names of what is never logged. */
const SECRETS = /^(authorization|proxy-authorization|cookie|set-cookie|keys?|api-?key|password|secret|token)$/i;

/**
 * A logger that writes a line of JSON for each event, with its time in ISO 8601.
 * @param level of the least that is written: trace, debug, info, warn, error, fatal, or silent
 * @param destination default stderr
 */
export function createLogger(level = 'info', destination: { write(line: string): void } = pino.destination(2)): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      hooks: {
        // Before anything is made of them.
        logMethod(args, method) {
          const [first, ...rest] = args as unknown[];
          const event = first instanceof Error ? { err: first } : first;
          method.apply(this, [event, ...rest].map(arg => loggable(arg)) as typeof args);
        },
      },
      // Errors are objects by then.
      serializers: { err: error => error },
    },
    destination,
  );
}

/** A value without what is secret or long. Errors become their type, message and stack. */
export function loggable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return shortened(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
  if (depth > 5) return '...';
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const { code } = value as { code?: unknown };
    return loggable(
      { type: name, ...(code !== undefined && { code }), message, stack, ...(cause !== undefined && { cause }) },
      depth,
    );
  }
  if (Array.isArray(value)) return value.slice(0, 50).map(part => loggable(part, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, SECRETS.test(name) ? '***' : loggable(part, depth + 1)]),
  );
}

/** A text without data URIs, and addresses in it without passwords and queries, which are where signatures and tokens stand. */
function shortened(text: string): string {
  // What is cut off need not be searched.
  const [head, rest] = [text.slice(0, 4 * LONGEST), text.length - 4 * LONGEST];
  const plain = head
    .replace(/\bdata:[^,\s"']{0,200},[^\s"']*/gi, uri => `data:... (${uri.length + Math.max(0, rest)} letters)`)
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi, '$1***@')
    .replace(/\b(https?:\/\/[^\s?#"']*\?)[^\s"']*/gi, '$1***');
  return plain.length > LONGEST || rest > 0 ? `${plain.slice(0, LONGEST)}...` : plain;
}
