// The web page, as files of a folder, with the weights of the package.

import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
};

/** What markup cannot say of its policy; `docs/hosting.md` says why. */
const HEADERS = {
  'content-security-policy': "frame-ancestors 'self'",
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
};
const SCRIPTS = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; frame-ancestors 'self'";

/** Gives the answer to a path, or null where the page has no such file. */
export type Page = (path: string) => Promise<Response | null>;

/**
 * The page in a folder; of a folder that is not there, none. Nothing but the files that are there now is ever read.
 * @param weights folder that stands below the page as `weights`, where the page has none of its own
 */
export async function openPage(folder: string, weights: string): Promise<Page> {
  const page = await filesOf(folder, '/');
  const files = new Map(page.size > 0 ? [...(await filesOf(weights, '/weights/')), ...page] : []);
  return async path => {
    const file = files.get(path);
    if (file === undefined) return null;
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    const headers: Record<string, string> = { ...HEADERS, 'content-type': type, 'cache-control': 'no-cache' };
    if (extname(file) === '.js') headers['content-security-policy'] = SCRIPTS;
    if (path === '/fetcher.js') headers['cross-origin-resource-policy'] = 'cross-origin';
    const bytes = await readFile(file);
    return new Response(extname(file) === '.html' ? marked(bytes.toString()) : bytes, { headers });
  };
}

/** By this the page knows that it can restore photos here; elsewhere it does not even ask. */
const marked = (html: string): string => html.replace('<html', '<html data-server');

/** The files of a folder by their paths on the server. */
async function filesOf(folder: string, base: string): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, string>();
  for (const entry of names.filter(entry => entry.isFile())) {
    const file = join(entry.parentPath, entry.name);
    const path = base + relative(folder, file).split(sep).join('/');
    files.set(path, file);
    if (entry.name === 'index.html') files.set(path.slice(0, -entry.name.length), file);
  }
  return files;
}
