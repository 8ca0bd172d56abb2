// Gets the picture that a request names, from an address or out of a data URI.

import type { IncomingMessage } from 'node:http';
import { checkEncoded } from '../../image/encoded.js';
import { JobError } from '../errors.js';
import { LIMITS } from '../limits.js';
import { connectionError, type NetworkRules, RequestError, send, withTimeout } from './request.js';

export interface DownloadOptions extends NetworkRules {
  /** Addresses may be of any network. Default false. */
  readonly allowPrivate?: boolean | undefined;
  /** Default 50,000,000. */
  readonly maxBytes?: number | undefined;
  /** Pixels that a picture may have. Default that of the library. */
  readonly maxPixels?: number | undefined;
  /** Milliseconds for all. Default 30,000. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Downloaded {
  readonly bytes: Uint8Array;
  /** By what they are, whatever the host calls them. */
  readonly contentType: string;
  /** Where it was in the end; 'data:' for data URIs. */
  readonly url: string;
}

/**
 * Gets the bytes of an address of http or https, or of a data URI. They are looked at, but not decoded.
 * @throws JobError 422 for what cannot be fetched, 413 for too many bytes, each with a sentence as its detail; INVALID_IMAGE for what is no
 *   picture, IMAGE_TOO_LARGE for too many pixels; the reason of `signal` where that is aborted
 */
export async function download(url: string, options: DownloadOptions = {}): Promise<Downloaded> {
  const {
    allowPrivate = false,
    maxBytes = LIMITS.downloadBytes,
    timeout = LIMITS.downloadTime,
    maxPixels,
    signal,
    ...rules
  } = options;
  signal?.throwIfAborted();
  try {
    if (/^data:/i.test(url)) return picture(fromDataUri(url, maxBytes), 'data:', maxPixels);
    const sent = { method: 'GET', headers: { accept: 'image/*,*/*;q=0.8' } } as const;
    const allowed = allowPrivate ? { ...rules, isAllowed: () => true } : rules;
    return await withTimeout(timeout, signal, both =>
      send(url, sent, allowed, both, async (answer, at) => picture(await fromAnswer(answer, maxBytes), at, maxPixels)),
    );
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new JobError(422, `The image of image_url could not be fetched: ${error.message}`, { cause: error });
  }
}

function picture(bytes: Uint8Array, url: string, maxPixels: number | undefined): Downloaded {
  const { format } = checkEncoded(bytes, { name: 'image_url', ...(maxPixels !== undefined && { maxPixels }) });
  return { bytes, contentType: `image/${format}`, url };
}

const tooLarge = (maxBytes: number) =>
  new JobError(413, `The image of image_url is too large: more than ${maxBytes} bytes`);

async function fromAnswer(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const { statusCode = 0, statusMessage, headers } = answer;
  if (statusCode !== 200)
    throw new RequestError(`the host answered ${statusCode} ${printable(statusMessage)}`.trimEnd(), false);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (!/^identity$/i.test(encoding)) throw new RequestError('the answer is compressed, which was not asked for', false);
  if (Number(headers['content-length']) > maxBytes) throw tooLarge(maxBytes);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of answer) {
      size += part.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      parts.push(part);
    }
  } catch (error) {
    throw error instanceof JobError ? error : connectionError(error);
  }
  return Buffer.concat(parts, size);
}

/** What a host says of a status, where it is plain text. */
const printable = (text = ''): string => (/^[\x20-\x7e]{0,80}$/.test(text) ? text : '');

function fromDataUri(url: string, maxBytes: number): Uint8Array {
  const comma = url.indexOf(',');
  if (comma < 0) throw new RequestError('the data URI has no comma', false);
  const isBase64 = /; *base64 *$/i.test(url.slice(0, comma));
  // A byte takes four characters where all of base64 is escaped, three without it, and padding few more.
  if (url.length - comma > 4 * maxBytes + 16) throw tooLarge(maxBytes);
  const text = url.slice(comma + 1);
  const plain = () => (text.includes('%') ? unescaped(text).toString('latin1') : text);
  const bytes = isBase64 ? fromBase64(plain()) : unescaped(text);
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

/** The bytes of percent-encoded text. */
function unescaped(text: string): Buffer {
  if (/%(?![0-9a-f]{2})|[^\x20-\x7e]/i.test(text))
    throw new RequestError('the data URI is not percent-encoded as it should be', false);
  const bytes = Buffer.from(text, 'latin1');
  const digit = (code: number) => (code & 15) + (code > 57 ? 9 : 0);
  let size = 0;
  for (let i = 0; i < bytes.length; i++) {
    const isEscape = bytes[i] === 0x25;
    bytes[size++] = isEscape ? digit(bytes[++i]!) * 16 + digit(bytes[++i]!) : bytes[i]!;
  }
  return bytes.subarray(0, size);
}

/** Only what is base64 throughout: `Buffer` passes over all else, which makes fewer bytes of it, and takes two letters of another alphabet. */
function fromBase64(text: string): Buffer {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== (text.length / 4) * 3 - padding || text.includes('-') || text.includes('_'))
    throw new RequestError('the data URI is not base64', false);
  return bytes;
}
