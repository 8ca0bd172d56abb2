// SwiftShader, a Vulkan driver that runs on the CPU, as the package `@sparticuz/chromium` carries it: unpacked once into the
// cache folder and shown to the Vulkan loader, so that a machine without GPU and without any Vulkan package has an adapter.

import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { brotliDecompressSync } from 'node:zlib';
import { cacheFolder } from './cache.js';

const PACKAGE = '@sparticuz/chromium';
const ICD = 'vk_swiftshader_icd.json';

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

/** Unpacks SwiftShader into the cache folder, once per version; returns its folder, or null where there is none. */
export async function unpackSwiftShader(): Promise<string | null> {
  const found = findChromiumPackage();
  if (!found) return null;
  const target = join(cacheFolder(), `swiftshader-${found.version}`);
  if (existsSync(join(target, ICD))) return target;
  await mkdir(cacheFolder(), { recursive: true });
  const part = await mkdtemp(join(cacheFolder(), 'swiftshader-part-'));
  const archive = brotliDecompressSync(await readFile(join(found.folder, 'bin', 'swiftshader.tar.br')));
  const tar = createRequire(join(found.folder, 'package.json'))('tar-fs') as {
    extract(folder: string): NodeJS.WritableStream;
  };
  await pipeline(Readable.from([archive]), tar.extract(part));
  try {
    await rename(part, target);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    // Another process was faster.
    if (!existsSync(join(target, ICD))) throw error;
  }
  return target;
}

/**
 * Shows SwiftShader to Dawn instances created from now on. Returns false where it is not available.
 * The environment is read by the Vulkan loader of this process, so it must be set before the instance is created.
 */
export async function enableSwiftShader(): Promise<boolean> {
  const folder = await unpackSwiftShader();
  if (!folder) return false;
  process.env.VK_ADD_DRIVER_FILES = join(folder, ICD);
  loadVulkanLoader(join(folder, 'libvulkan.so.1'));
  return true;
}

/**
 * Makes a Vulkan loader known to the process where the system has none. Node takes the library for an addon and refuses it after
 * it was loaded; RTLD_NODELETE keeps it, and Dawn then finds it by its name.
 */
function loadVulkanLoader(path: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen as Record<'RTLD_NOW' | 'RTLD_GLOBAL', number>;
  const RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} } as NodeJS.Module, path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  } catch (error) {
    if (!/self-register/.test((error as Error).message)) throw error;
  }
}
