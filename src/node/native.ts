// What only the process as a whole has: its environment as libraries see it, and libraries that it has loaded. Node, Bun and Deno each
// have a way of their own.

import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';

/** The parts of `Deno` and `bun:ffi` that are used here. */
interface DenoForeign {
  dlopen(path: string, symbols: Record<string, { parameters: string[]; result: string }>): unknown;
}
interface BunForeign {
  dlopen(
    path: string,
    symbols: Record<string, { args: string[]; returns: string }>,
  ): { readonly symbols: Readonly<Record<string, (...args: unknown[]) => number>> };
  ptr(bytes: Uint8Array): unknown;
}

const deno = (globalThis as { Deno?: DenoForeign }).Deno;
// Named by a variable, so that bundlers leave it alone.
const BUN_FOREIGN = 'bun:ffi';
const bun = process.versions.bun ? (createRequire(import.meta.url)(BUN_FOREIGN) as BunForeign) : undefined;

/** Handles that keep libraries loaded. */
const libraries: unknown[] = [];

/**
 * Sets a variable in the environment that libraries read. In a thread `process.env` is a copy that no library sees, and so it is in the
 * sandboxes in which test runners run modules; there Node's own is set by its inspector, in the main thread and outside of the sandbox.
 * @throws where the main thread cannot be asked, or does not answer
 */
export async function setEnvironment(name: string, value: string): Promise<void> {
  process.env[name] = value;
  if (bun) {
    const { symbols } = bun.dlopen('libc.so.6', { setenv: { args: ['ptr', 'ptr', 'i32'], returns: 'i32' } });
    symbols.setenv!(bun.ptr(Buffer.from(`${name}\0`)), bun.ptr(Buffer.from(`${value}\0`)), 1);
  } else if (!deno) {
    const done = inMainThread(`process.env[${JSON.stringify(name)}] = ${JSON.stringify(value)}`);
    // In the main thread outside of sandboxes it is done already, so a Node without an inspector will do.
    await (isMainThread ? done.catch(() => {}) : done);
  }
}

/** How long the main thread may be busy with something else, in milliseconds. */
const PATIENCE = 5000;

async function inMainThread(code: string): Promise<void> {
  const { Session } = await import('node:inspector');
  const session = new Session();
  if (isMainThread) session.connect();
  else session.connectToMainThread();
  try {
    await new Promise<void>((resolve, reject) => {
      // The timer also keeps this thread alive, which the question does not.
      const timer = setTimeout(() => reject(new Error('the main thread does not answer')), PATIENCE);
      session.post('Runtime.evaluate', { expression: code }, (error, answer) => {
        clearTimeout(timer);
        const thrown = error ?? answer.exceptionDetails;
        if (thrown) reject(new Error('the main thread refuses', { cause: thrown }));
        else resolve();
      });
    });
  } finally {
    session.disconnect();
  }
}

/**
 * Loads a library and keeps it, so that others find it by its name.
 * @param symbol a function that it has
 */
export function loadLibrary(path: string, symbol: string): void {
  if (deno) {
    libraries.push(deno.dlopen(path, { [symbol]: { parameters: [], result: 'pointer' } }));
    return;
  }
  if (bun) {
    libraries.push(bun.dlopen(path, { [symbol]: { args: [], returns: 'ptr' } }));
    return;
  }
  // Node takes the library for an addon and refuses it after it was loaded; RTLD_NODELETE keeps it.
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen as Record<'RTLD_NOW' | 'RTLD_GLOBAL', number>;
  const RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} } as NodeJS.Module, path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  } catch (error) {
    if (!/self-register/.test((error as Error).message)) throw error;
  }
}
