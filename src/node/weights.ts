// Opens weights wherever they are: embedded in the package, in a file, behind a URL, in memory.

import { webcrypto } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as zlib from 'node:zlib';
import { checkObject, checkSignal } from '../checks.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { manifestMetadata, ROLES, type Role } from '../weights/manifest.js';
import { OFFICIAL_FILES } from '../weights/official.js';
import { openWeightsSource } from '../weights/open.js';
import { type ByteSource, bytesSource } from '../weights/source.js';
import { MemoryStore, parseAddress, transfer } from '../weights/transfer.js';
import { type Weights, withMetadata } from '../weights/weights.js';
import { weightsCacheFolder } from './cache.js';
import { embeddedWeights } from './embedded.js';
import { fileSource } from './file-source.js';
import { officialFault } from './official.js';
import { pullFile } from './pull.js';

/** Which of the embedded weights are opened, and for how long a URL is tried. */
export interface OpenWeightsOptions {
  /** Which of the embedded networks `'embedded'` means. Default `restorer`. */
  readonly role?: Role;
  readonly signal?: AbortSignal;
}

/**
 * Opens safetensors or PyTorch checkpoints; tensors are read when they are asked for. What a URL names is downloaded as a whole, in
 * several attempts where the connection breaks, and held in memory; where the URL ends with `#sha256=` and 64 hexadecimal digits it is
 * checked and kept in the cache folder. Embedded weights are compared with the SHA-256 of their manifest, official files in the cache
 * folder with the one that is known of them.
 * @param source `'embedded'`, a path, a URL (http, https, file) or the bytes of a file
 * @throws `INVALID_ARGUMENT`, `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `DOWNLOAD_FAILED`, `INTEGRITY`, `INVALID_CHECKPOINT`, `ABORTED`
 */
export async function openWeights(
  source: string | URL | Uint8Array | ArrayBuffer,
  options: OpenWeightsOptions = {},
): Promise<Weights> {
  checkObject(options, 'options');
  const { role = 'restorer' } = options;
  if (!ROLES.includes(role)) throw invalidArgument(`one of ${ROLES.join(', ')}`, 'role', role);
  const signal = checkSignal(options.signal);
  if (source instanceof ArrayBuffer) return openWeightsSource(memorySource(new Uint8Array(source), 'bytes'));
  if (source instanceof Uint8Array) return openWeightsSource(memorySource(source, 'bytes'));
  if (source === 'embedded') return openEmbedded(role);
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw invalidArgument("'embedded', a path, a URL or bytes", 'weights', source);
  }
  const text = String(source);
  if (/^https?:/i.test(text)) return openWeightsSource(await download(text, signal));
  const path = /^file:/i.test(text) ? pathOf(text) : text;
  await checkCached(path, signal);
  return openWeightsSource(await fileSource(path));
}

/** The file is compared with the manifest, as in browsers: what is read of it later comes from memory. */
async function openEmbedded(role: Role): Promise<Weights> {
  const { folder, manifest } = await embeddedWeights();
  const entry = manifest.files.find(f => f.role === role);
  if (!entry) throw new CodeFormerError('FILE_NOT_FOUND', `The package has no embedded weights for the ${role}`);
  const { file, bytes: size, sha256 } = entry;
  const source = await fileSource(join(folder, file));
  try {
    if (source.size !== size) throw wrong(source.name, `${size} bytes`, String(source.size));
    const bytes = await source.read(0, size);
    const hash = await sha256Of(bytes);
    if (hash !== sha256) throw wrong(source.name, `SHA-256 ${sha256}`, hash);
    return withMetadata(await openWeightsSource(memorySource(bytes, source.name)), manifestMetadata(entry));
  } finally {
    await source.close?.();
  }
}

const wrong = (name: string, expected: string, got: string) =>
  new CodeFormerError('INTEGRITY', `${name}: expected ${expected} but got ${got}; install the package again`);

/** Not in the thread of the caller. */
async function sha256Of(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
}

const memorySource = (bytes: Uint8Array, name: string): ByteSource => ({
  ...bytesSource(bytes, name),
  crc32: zlib.crc32,
});

/** Downloads a file; one whose SHA-256 the address names is kept in the cache folder, where that can be written. */
async function download(address: string, signal: AbortSignal | undefined): Promise<ByteSource> {
  const { shown, sha256 } = parseAddress(address);
  if (sha256 !== undefined) {
    const to = join(weightsCacheFolder(), `sha256-${sha256}`);
    try {
      await pullFile({ from: { url: address }, to, sha256, signal });
      return { ...(await fileSource(to)), name: shown };
    } catch (error) {
      if (!(error instanceof CodeFormerError && error.code === 'FILE_UNWRITABLE')) throw error;
    }
  }
  const store = new MemoryStore();
  await transfer(address, store, { hashed: sha256 !== undefined, signal });
  const bytes = new Uint8Array(store.length);
  let at = 0;
  // One piece after another is given back, so that there are not two of all.
  for (let piece = store.pieces.shift(); piece; piece = store.pieces.shift()) {
    bytes.set(piece, at);
    at += piece.length;
  }
  if (sha256 !== undefined) {
    const hash = await sha256Of(bytes);
    if (hash !== sha256) throw new CodeFormerError('INTEGRITY', `${shown}: expected SHA-256 ${sha256} but got ${hash}`);
  }
  return memorySource(bytes, shown);
}

/** Compares an official file in the cache folder with what was released. Files in other folders may be anybody's. */
async function checkCached(path: string, signal: AbortSignal | undefined): Promise<void> {
  const cache = weightsCacheFolder();
  const known = OFFICIAL_FILES.find(({ file }) => file === basename(path));
  if (known?.sha256 === undefined || resolve(dirname(path)) !== resolve(cache)) return;
  if (!(await stat(path).catch(() => null))?.isFile()) return;
  const fault = await officialFault(path, known, { cache, signal });
  if (fault === null) return;
  const again = `get it again by codeformer weights pull ${known.file}`;
  throw new CodeFormerError('INTEGRITY', `${path}: expected ${fault}; ${again}`);
}

/** The path of a file address. */
function pathOf(address: string): string {
  try {
    return fileURLToPath(address);
  } catch (cause) {
    const what = 'a file address of this machine, as in file:///folder/file';
    const { message } = invalidArgument(what, 'weights', address);
    throw new CodeFormerError('INVALID_ARGUMENT', `${message}: ${(cause as Error).message}`, { cause });
  }
}
