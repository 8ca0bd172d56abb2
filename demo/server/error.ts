// What a server refuses, and in words for people.

import type { Problem } from '../problems.js';

/** A refusal of the server, or that it does not answer. */
export class ServerError extends Error {
  override readonly name = 'ServerError';

  /**
   * @param status of the answer; 0 where there was none
   * @param kind what the server calls it, where it says so
   * @param retryAfter seconds
   */
  constructor(
    readonly status: number,
    message: string,
    readonly kind: string | null = null,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

type Words = Pick<Problem, 'title' | 'text' | 'remedies'>;

const KNOWN: Readonly<Record<number, (text: string, error: ServerError) => Words>> = {
  0: () => ({
    title: 'The server cannot be reached',
    text: 'It may have been stopped, or there is no connection. Your photo is still here.',
    remedies: ['again', 'browser'],
  }),
  401: () => ({
    title: 'This server needs a key',
    text: 'Whoever runs it can give you one.',
    remedies: ['again', 'browser'],
  }),
  413: text => ({ title: 'The picture is too large for this server', text, remedies: ['cheaper', 'browser'] }),
  422: text => ({ title: 'The server could not take this photo', text, remedies: ['open', 'browser'] }),
  429: (text, { retryAfter }) => ({
    title: 'The server has too much to do',
    text: retryAfter === null ? text : `${text} It should be free in ${retryAfter} s.`,
    remedies: ['again', 'browser'],
  }),
  499: () => ({ title: 'The request was cancelled', text: 'It was not done by this page.', remedies: ['again'] }),
  507: text => ({ title: 'The server has no room left', text, remedies: ['again', 'browser'] }),
};

/** Words for a refusal. */
export function serverProblem(error: ServerError): Problem {
  const { status, message, kind } = error;
  const text = /[.!?]$/.test(message) ? message : `${message}.`;
  const words = KNOWN[kind === 'image_too_large' ? 413 : status]?.(text, error);
  return {
    code: 'SERVER',
    ...(words ?? { title: 'The server could not do that', text, remedies: ['again', 'browser'] }),
  };
}
