// A small server of static files for tests of the browser: files of the project, routes of a test's own, ranges, and what came in.

import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { wasmKernels } from '../../scripts/kernels.mjs';

/** Answers a request, or returns false to leave it to the files of the project. */
export type Route = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface TestServer {
  /** As in `http://127.0.0.1:12345`. */
  readonly origin: string;
  /** Every request so far: its path without query, and its headers. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  /** Routes of the test's own by their path, which come before files. */
  readonly routes: Map<string, Route>;
  /** Bodies that pages have posted, by the path that they posted to. */
  readonly posted: Map<string, Buffer>;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
};

const BLANK = `<!doctype html><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,">
<script>globalThis.load = path => import(path);</script>`;

/** Headers that isolate pages from others, so that they may share memory with threads. */
export const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Serves the project from a free port of localhost: `dist` must be built. Modules in TypeScript are bundled on the way, but for what
 * they import of `/dist`. A POST is kept in `posted`.
 * @param folder another folder to serve
 * @param headers sent with every file, and with the blank page
 */
export async function serveProject(
  folder: string = root,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const requests: TestServer['requests'][number][] = [];
  const routes = new Map<string, Route>();
  const posted = new Map<string, Buffer>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url!, 'http://localhost').pathname);
    requests.push({ path, headers: request.headers });
    const route = routes.get(path);
    if (route && (await route(request, response)) !== false) return;
    if (request.method === 'POST') {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      posted.set(path, Buffer.concat(parts));
      response.writeHead(204).end();
    } else if (path === '/blank.html') {
      response.writeHead(200, { 'content-type': TYPES['.html'], ...headers }).end(BLANK);
    } else {
      const file = join(folder, normalize(path.endsWith('/') ? `${path}index.html` : path));
      const bytes = await (path.endsWith('.ts') ? bundled(file) : readFile(file)).catch(() => null);
      if (bytes) sendBytes(request, response, bytes, TYPES[extname(file)], headers);
      else response.writeHead(404).end();
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(error => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    routes,
    posted,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** Answers with bytes, or with the range of them that is asked for by its first byte. */
export function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  type = 'application/octet-stream',
  headers: Readonly<Record<string, string>> = {},
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN);
  if (start >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const part = start >= 0;
  response.writeHead(part ? 206 : 200, {
    'content-type': type,
    'content-length': bytes.length - (part ? start : 0),
    'accept-ranges': 'bytes',
    ...(part && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    ...headers,
  });
  response.end(part ? bytes.subarray(start) : bytes);
}

async function bundled(file: string): Promise<Uint8Array> {
  const { outputFiles } = await esbuild.build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external: ['/dist/*'],
    loader: { '.wgsl': 'text' },
    plugins: [wasmKernels],
    logLevel: 'silent',
  });
  return outputFiles[0]!.contents;
}
