// Requests to addresses that users name. Only http and https, and only to hosts of the public network unless others are allowed. The
// addresses of a host are asked for once for each request, checked, and then connected to, so that a later answer for the same name
// cannot matter. Redirects are checked in the same way. No proxy is used, and nothing of the process is sent along: no cookie, no key.

import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { onAbort } from '../../abort.js';
import { LIMITS } from '../limits.js';
import { isPublicAddress } from './addresses.js';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Where requests may go. */
export interface NetworkRules {
  /** Whether an address may be connected to. Default `isPublicAddress`. */
  readonly isAllowed?: ((address: string) => boolean) | undefined;
  /** All addresses of a name. Default those of the system's resolver. */
  readonly resolve?: ((host: string) => Promise<readonly Address[]>) | undefined;
}

export interface Sent {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** Why a request did not come to an answer, in words for the user who named the address. */
export class RequestError extends Error {
  override readonly name = 'RequestError';

  constructor(
    message: string,
    /** Whether another attempt may go better. */
    readonly isPassing: boolean,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

const REDIRECTS = [301, 302, 303, 307, 308];

/** What the system says of connections, in words. Others are told by their code. */
const CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host is not known',
  EAI_AGAIN: 'the host is not known for now',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection broke off',
  EPIPE: 'the connection broke off',
  ETIMEDOUT: 'the host does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host cannot be reached',
  HPE_HEADER_OVERFLOW: 'the headers of the answer are too large',
};

/** The error for what a connection ended with. */
export function connectionError(cause: unknown): RequestError {
  if (cause instanceof RequestError) return cause;
  const { code = '' } = cause as NodeJS.ErrnoException;
  const fault = code.startsWith('HPE_') ? 'the answer is no HTTP' : `the connection failed${code && ` (${code})`}`;
  return new RequestError(CAUSES[code] ?? fault, true, { cause });
}

/**
 * Sends a request and follows redirects; those of a POST only where they keep the method.
 * @param what to be done with the answer of any other status, whose body is the caller's to read or to destroy
 * @param signal ends all of it
 * @throws RequestError
 */
export async function send<T>(
  url: string,
  sent: Sent,
  rules: NetworkRules,
  signal: AbortSignal,
  what: (answer: IncomingMessage, url: string) => Promise<T>,
): Promise<T> {
  let at = checkUrl(url);
  for (let redirects = 0; ; redirects++) {
    const answer = await once(at, sent, rules, signal);
    try {
      const { statusCode = 0, headers } = answer;
      const follows = REDIRECTS.includes(statusCode) && headers.location !== undefined;
      if (!follows || (sent.method === 'POST' && statusCode < 307)) return await what(answer, at.href);
      if (redirects === LIMITS.redirects) throw new RequestError(`more than ${LIMITS.redirects} redirects`, false);
      at = checkUrl(headers.location!, at);
    } finally {
      // Nothing of the answer is left over, nor is its connection.
      answer.destroy();
    }
  }
}

function checkUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base)) throw new RequestError('the address is no URL', false);
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new RequestError('the address is neither http nor https', false);
  if (url.username || url.password) throw new RequestError('the address has a user name or password', false);
  return url;
}

/** One request, until its headers are there. Errors after that are those of the answer. */
function once(url: URL, sent: Sent, rules: NetworkRules, signal: AbortSignal): Promise<IncomingMessage> {
  const { isAllowed = isPublicAddress, resolve = host => lookup(host, { all: true }) } = rules;
  // URLs hold addresses in their usual form, however they were spelt.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const check = (address: string) => {
    if (!isAllowed(address)) throw new RequestError('the host is not on the public network', false);
  };
  const find = async () => {
    const addresses = await resolve(host);
    for (const { address } of addresses) check(address);
    if (addresses.length === 0) throw new RequestError(CAUSES.ENOTFOUND!, true);
    return addresses;
  };
  const lookUp: LookupFunction = (_, { all }, done) => {
    find().then(
      found => (all ? done(null, [...found]) : done(null, found[0]!.address, found[0]!.family)),
      error => done(error, ''),
    );
  };
  return new Promise((fulfil, reject) => {
    const fail = (cause: unknown) => reject(connectionError(cause));
    try {
      // Addresses are not looked up.
      if (isIP(host)) check(host);
      const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = open({
        host,
        port: url.port,
        path: url.pathname + url.search,
        method: sent.method,
        headers: { 'user-agent': 'codeformer-webgpu', 'accept-encoding': 'identity', host: url.host, ...sent.headers },
        lookup: lookUp,
        // A connection of its own, whose address was checked for this request.
        agent: false,
      });
      const stop = onAbort(signal, () => request.destroy());
      request.once('close', stop);
      request.once('response', answer => {
        // Whoever reads the answer hears of its errors; who does not, need not.
        answer.on('error', () => {});
        fulfil(answer);
      });
      request.on('error', fail);
      request.end(sent.body);
    } catch (error) {
      fail(error);
    }
  });
}

/**
 * Does work that may take so long in all.
 * @param timeout milliseconds
 * @throws RequestError where it takes longer; the reason of `signal` where that is aborted
 */
export async function withTimeout<T>(
  timeout: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const both = new AbortController();
  const late = new RequestError(`it took more than ${timeout / 1000} s`, true);
  const timer = setTimeout(() => both.abort(late), timeout);
  const stop = onAbort(signal, () => both.abort(signal!.reason));
  try {
    // Resolvers do not know of signals.
    const ended = new Promise<never>((_, reject) => onAbort(both.signal, () => reject(both.signal.reason)));
    return await Promise.race([work(both.signal), ended]);
  } finally {
    clearTimeout(timer);
    stop();
  }
}
