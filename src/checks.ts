// Checks of what callers pass, shared by all that they can call. Each throws `INVALID_ARGUMENT` that names the argument.

import { invalidArgument } from './errors.js';

/** A value that is an object with properties of its own names: no list, and no map, date or the like, whose contents would go unseen. */
export function checkObject(value: unknown, name: string): void {
  const kind = Object.prototype.toString.call(value);
  if (typeof value !== 'object' || value === null || !['[object Object]', '[object Module]'].includes(kind))
    throw invalidArgument('an object', name, value);
}

/**
 * Throws for names that are no options, which are mostly misspelt; returns those that were given.
 * @param prefix of options within options, as `mask.`
 */
export function checkOptions(options: object, names: readonly string[], prefix = ''): Set<string> {
  checkObject(options, prefix.replace(/\.$/, '') || 'options');
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const wrong = given.find(name => !names.includes(name));
  if (wrong !== undefined)
    throw invalidArgument(`options among ${names.toSorted().join(', ')}`, 'options', prefix + wrong);
  return new Set(given);
}

export function checkFlag(value: boolean, name: string): boolean {
  if (typeof value !== 'boolean') throw invalidArgument('true or false', name, value);
  return value;
}

export function checkCallback<T>(value: T, name: string): T {
  if (value !== undefined && typeof value !== 'function') throw invalidArgument('a function', name, value);
  return value;
}

export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const { aborted, addEventListener, removeEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  const fits =
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function';
  if (!fits) throw invalidArgument('an AbortSignal', 'signal', signal);
  return signal;
}

/** A number within bounds, both of which count. */
export function checkNumber(value: number, name: string, least: number, most = Number.MAX_VALUE): number {
  if (!(typeof value === 'number' && value >= least && value <= most)) {
    const what =
      most === Number.MAX_VALUE ? `a finite number of at least ${least}` : `a number from ${least} to ${most}`;
    throw invalidArgument(what, name, value);
  }
  return value;
}

/** Sizes at which faces are looked for. */
export function checkScales(scales: readonly number[], name: string): readonly number[] {
  const fits = (scale: unknown) => typeof scale === 'number' && scale >= 1 / 16 && scale <= 16;
  if (!Array.isArray(scales) || scales.length === 0 || !scales.every(fits))
    throw invalidArgument('one or more numbers from 1/16 to 16', name, scales);
  return scales;
}

/** The options that every long call has. */
export function checkRunOptions(options: { readonly signal?: unknown; readonly onProgress?: unknown }): void {
  checkObject(options, 'options');
  checkSignal(options.signal as AbortSignal | undefined);
  checkCallback(options.onProgress, 'onProgress');
}
