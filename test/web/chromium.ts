// A browser for tests: the headless Chromium of the package `@sparticuz/chromium` on its SwiftShader, driven by playwright-core, so
// that nothing but npm packages is needed. Where Debian's `chromium` is on the PATH, tests can run on that as well.
//
//   const chromium = await launchChromium();           // null on machines that the package has no build for
//   const server = await serveProject();
//   const page = await openPage(chromium, server);      // blank, from localhost, so that it has WebGPU
//   await page.evaluate(async () => { const { createRestorer } = await load('/dist/web.js'); ... });
//   await chromium.close(); await server.close();
//
// Functions for `page.evaluate` run in the page as their own text: they see no imports, and `import()` in them is the bundler's of the
// tests, which pages do not have. `load` of this file stands for it.

import { accessSync, constants, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { type Browser, type BrowserContext, chromium as driver, type Page } from 'playwright-core';
import { cacheFolder } from '../../src/node/cache.js';
import { findChromiumPackage } from '../../src/node/software-adapter.js';
import type { TestServer } from './server.js';

declare global {
  /** In pages of `openPage`: a module of the server's. */
  function load<Module = never>(path: string): Promise<Module>;
}

const WITHOUT_WEBGPU = ['--no-sandbox'];
const ARGS = [
  ...WITHOUT_WEBGPU,
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
];

/** For WebGPU on canvases and frames of video: without them the process of the GPU ends as soon as there is one. */
export const WITH_CANVASES = ['--use-vulkan=swiftshader', '--use-angle=swiftshader', '--disable-vulkan-surface'];

/**
 * Starts the browser of the package; null where the package has no build for this machine.
 * @param webgpu false for one that finds no adapter
 * @param more arguments
 */
export async function launchChromium({ webgpu = true, more = [] as readonly string[] } = {}): Promise<Browser | null> {
  const folder = await unpackChromium();
  if (!folder) return null;
  const env = {
    ...(process.env as Record<string, string>),
    // The drivers lie beside the executable, and libraries that a bare machine lacks in a folder of their own.
    LD_LIBRARY_PATH: [folder, join(folder, 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    FONTCONFIG_FILE: join(folder, 'fonts.conf'),
  };
  const args = [...(webgpu ? ARGS : WITHOUT_WEBGPU), ...more];
  return driver.launch({ executablePath: join(folder, 'chromium'), args, env });
}

/** Starts Debian's browser, where it is installed. */
export async function launchDebianChromium(): Promise<Browser | null> {
  const executablePath = debianChromium();
  return executablePath ? driver.launch({ executablePath, args: ARGS }) : null;
}

/** Path of `chromium` on the PATH, or null. */
export function debianChromium(): string | null {
  const found = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'chromium'));
  return found.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A blank page of a server. Errors of the page and of its workers that nobody caught, and what it logs as errors, are collected.
 * @param from a browser, or one of its contexts where pages are to share caches
 */
export async function openPage(
  from: Browser | BrowserContext,
  server: TestServer,
): Promise<Page & { readonly faults: readonly string[] }> {
  const page = await from.newPage();
  const faults: string[] = [];
  page.on('pageerror', error => faults.push(String(error)));
  page.on('console', message => message.type() === 'error' && faults.push(message.text()));
  await page.goto(`${server.origin}/blank.html`);
  return Object.assign(page, { faults });
}

const inflate = promisify(brotliDecompress);

/** Unpacks the browser into the cache folder, once per version. Returns its folder, or null where there is none. */
async function unpackChromium(): Promise<string | null> {
  const found = findChromiumPackage();
  if (!found) return null;
  const target = join(cacheFolder(), `chromium-${found.version}`);
  if (existsSync(target)) return target;
  await mkdir(cacheFolder(), { recursive: true });
  const part = await mkdtemp(join(cacheFolder(), 'chromium-part-'));
  const packed = async (name: string) => inflate(await readFile(join(found.folder, 'bin', name)));
  const tar = createRequire(join(found.folder, 'package.json'))('tar-fs') as {
    extract(folder: string): NodeJS.WritableStream;
  };
  for (const name of ['swiftshader.tar.br', 'al2023.tar.br', 'fonts.tar.br']) {
    await pipeline(Readable.from([await packed(name)]), tar.extract(part));
  }
  const fonts = `<dir>${join(target, 'fonts')}</dir><cachedir>${join(target, 'fontconfig')}</cachedir>`;
  await writeFile(join(part, 'fonts.conf'), `<?xml version="1.0"?>\n<fontconfig>${fonts}</fontconfig>\n`);
  await writeFile(join(part, 'chromium'), await packed('chromium.br'));
  await chmod(join(part, 'chromium'), 0o755);
  try {
    await rename(part, target);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    // Another process was faster.
    if (!existsSync(target)) throw error;
  }
  return target;
}
