// SwiftShader, a Vulkan driver that runs on the CPU, as the package `@sparticuz/chromium` carries it: unpacked once into the
// cache folder and shown to the Vulkan loader, so that a machine without GPU and without any Vulkan package has an adapter.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { brotliDecompressSync } from 'node:zlib';
import { CodeFormerError } from '../errors.js';
import { cacheFolder, ownTemporaryFolder, temporaryPath } from './cache.js';
import { loadLibrary, setEnvironment } from './native.js';
import { makeFolder } from './write-file.js';

const PACKAGE = '@sparticuz/chromium';
const ICD = 'vk_swiftshader_icd.json';
const LOADER = 'libvulkan.so.1';
/** What is needed of the archive. */
const FILES = [ICD, LOADER, 'libvk_swiftshader.so'];
/** The SHA-256 of each of these files, as it was unpacked. */
const CONTENTS = 'contents.json';

/** Unpacking takes a second; folders for it that are older were left behind. */
const PART = 'swiftshader-part-';
const PART_AGE = 3_600_000;

/** How often a folder is put into its place before others that do the same are too many. */
const MOST_ATTEMPTS = 10;

/** The folder of `@sparticuz/chromium` and its version, or null where it is not installed or has no build for this machine. */
export function findChromiumPackage(): { folder: string; version: string } | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  try {
    // Its package.json is not exported: walk up from the entry point.
    let folder = dirname(createRequire(import.meta.url).resolve(PACKAGE));
    for (; folder !== dirname(folder); folder = dirname(folder)) {
      const file = join(folder, 'package.json');
      if (!existsSync(file)) continue;
      const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
      if (name === PACKAGE && version) return { folder, version };
    }
  } catch {
    // Not installed: an optional source of an adapter.
  }
  return null;
}

/**
 * Unpacks SwiftShader, once per version: into the cache folder, or into a temporary folder where the cache folder cannot be written and
 * nobody chose it. What is there but not whole is unpacked again.
 * @returns its folder, or null where there is none for this machine
 * @throws `FILE_UNWRITABLE` that names the folder
 */
export async function unpackSwiftShader(env: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  const found = findChromiumPackage();
  if (!found) return null;
  const cache = cacheFolder(env);
  try {
    if (cache !== temporaryPath()) return await unpackInto(cache, found);
  } catch (cause) {
    if (env.CODEFORMER_CACHE) throw unwritable(cache, cause);
  }
  try {
    return await unpackInto(await ownTemporaryFolder(), found);
  } catch (cause) {
    throw unwritable(temporaryPath(), cause);
  }
}

function unwritable(folder: string, cause: unknown): CodeFormerError {
  return new CodeFormerError(
    'FILE_UNWRITABLE',
    `The software adapter could not be unpacked into ${folder} (${(cause as Error).message}): CODEFORMER_CACHE can name another folder`,
    { cause },
  );
}

async function unpackInto(cache: string, { folder, version }: { folder: string; version: string }): Promise<string> {
  const target = join(cache, `swiftshader-${version}`);
  await removeOldParts(cache);
  if (await isWhole(target)) return target;
  await makeFolder(cache);
  const part = await mkdtemp(join(cache, PART));
  try {
    const fresh = join(part, 'fresh');
    const archive = brotliDecompressSync(await readFile(join(folder, 'bin', 'swiftshader.tar.br')));
    const tar = createRequire(join(folder, 'package.json'))('tar-fs') as {
      extract(folder: string, options: { ignore(path: string): boolean }): NodeJS.WritableStream;
    };
    const ignore = (path: string) => path !== fresh && !FILES.includes(basename(path));
    await pipeline(Readable.from([archive]), tar.extract(fresh, { ignore }));
    await writeFile(join(fresh, CONTENTS), JSON.stringify(await digests(fresh)));
    await moveInto(target, fresh, part);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return target;
}

/**
 * Gives a complete folder its name. A whole one that another process puts there meanwhile is kept; a damaged one goes to `part`, and who
 * uses it keeps what is open.
 */
async function moveInto(target: string, fresh: string, part: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    // Asked before the contents are read: what appears after that is whole.
    const present = existsSync(target);
    if (await isWhole(target)) return;
    if (present) await rename(target, join(part, `damaged-${attempt}`)).catch(unlessAbsent);
    try {
      return await rename(fresh, target);
    } catch (error) {
      const taken = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code!);
      if (!taken || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

function unlessAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

async function digests(folder: string): Promise<Record<string, string>> {
  const entries = FILES.map(async file => {
    const bytes = await readFile(join(folder, file));
    return [file, createHash('sha256').update(bytes).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Whether a folder holds what was once unpacked there. */
async function isWhole(folder: string): Promise<boolean> {
  try {
    const contents = JSON.parse(await readFile(join(folder, CONTENTS), 'utf8')) as Record<string, string>;
    const found = await digests(folder);
    return FILES.every(file => contents[file] === found[file]);
  } catch {
    return false;
  }
}

/** Processes that were killed while they unpacked have left their folders. */
async function removeOldParts(cache: string): Promise<void> {
  const names = await readdir(cache).catch(() => []);
  for (const name of names.filter(entry => entry.startsWith(PART))) {
    const path = join(cache, name);
    const info = await stat(path).catch(() => null);
    if (info && Date.now() - info.mtimeMs > PART_AGE)
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * Shows SwiftShader to Dawn instances created from now on, beside the drivers of the machine. Returns false where there is none for this
 * machine. The environment is read by the Vulkan loader of this process, so it must be set before the instance is created.
 * @throws `NO_ADAPTER` that says why it cannot be used
 */
export async function enableSwiftShader(): Promise<boolean> {
  try {
    const folder = await unpackSwiftShader();
    if (!folder) return false;
    const driver = join(folder, ICD);
    const others = (process.env.VK_ADD_DRIVER_FILES ?? '').split(':').filter(path => path !== '' && path !== driver);
    await setEnvironment('VK_ADD_DRIVER_FILES', [...others, driver].join(':'));
    // Dawn finds it by its name, where the system has none.
    loadLibrary(join(folder, LOADER), 'vkGetInstanceProcAddr');
    return true;
  } catch (cause) {
    const { message } = cause as Error;
    throw new CodeFormerError('NO_ADAPTER', `The software adapter cannot be used: ${message}`, { cause });
  }
}
