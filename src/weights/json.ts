// JSON of strangers: what `JSON.parse` takes, but for nesting without end and for keys that are there twice, of which it drops one.

import { describe } from '../errors.js';

/** Headers and settings have lists in objects in an object. */
const MAX_DEPTH = 8;

/**
 * @param fail makes the error for a fault, as in `is not valid JSON`
 * @returns the value
 */
export function parseJson(text: string, fail: (fault: string) => Error): unknown {
  const twice = scan(text, fail);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail('is not valid JSON');
  }
  if (twice !== undefined) throw fail(`has the key ${describe(twice)} twice`);
  return value;
}

/** Refuses deep nesting before anything is built of it; returns a key that its object has twice. In text that is no JSON it finds anything. */
function scan(text: string, fail: (fault: string) => Error): string | undefined {
  /** Keys of the objects that are open, outermost first; null for lists. */
  const open: (Set<string> | null)[] = [];
  let twice: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' || character === '[') {
      if (open.length >= MAX_DEPTH) throw fail(`is nested more than ${MAX_DEPTH} deep`);
      open.push(character === '{' ? new Set() : null);
    } else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const start = at;
      for (at++; text[at] !== '"'; at++) {
        if (at >= text.length) throw fail('is not valid JSON');
        if (text[at] === '\\') at++;
      }
      const end = at + 1;
      while (/\s/.test(text[at + 1] ?? '')) at++;
      const keys = open.at(-1);
      if (!keys || text[at + 1] !== ':') continue;
      const key = unquoted(text.slice(start, end));
      if (key === undefined) throw fail('is not valid JSON');
      if (keys.has(key)) twice ??= key;
      keys.add(key);
    }
  }
  return twice;
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
