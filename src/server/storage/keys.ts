// Keys of what is stored: folders and a name, of few characters, so that they are paths everywhere and lead nowhere else.

import { invalidArgument } from '../../errors.js';

const KEY = /^(?=.{1,200}$)[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

export const isKey = (key: string): boolean => KEY.test(key);

/** Throws `INVALID_ARGUMENT`. */
export function checkKey(key: string): void {
  if (!isKey(key)) throw invalidArgument('letters, digits, -, _, / and dots inside of names', 'a key', key);
}

/** Characters that a header can have; what is behind them would be another header. */
const CONTENT_TYPE = /^[\x20-\x7e]{1,100}$/;

/** Throws `INVALID_ARGUMENT`. */
export function checkContentType(type: string): void {
  if (!CONTENT_TYPE.test(type)) throw invalidArgument('at most 100 characters of ASCII', 'a content type', type);
}
