// The service worker: keeps the page's own files, so that it opens without a connection, has pages isolated from others, so that they get
// threads, and takes photos that are shared with the installed page. Weights are kept by the engine.

import { receiveShared, SHARE_PATH } from './shared.js';

/** Filled in by the build: what the page cannot do without, what is fetched once that is there, and a hash of all of it. */
declare const FILES: readonly string[];
declare const LATER: readonly string[];
declare const VERSION: string;

interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface Fetching extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

// The types of service workers exclude those of pages.
const { registration } = globalThis as unknown as { registration: { readonly scope: string } };
const PREFIX = `codeformer-page ${registration.scope} `;
const CACHE = PREFIX + VERSION;

/** Whether pages are to be isolated: see offline.ts. */
const ISOLATES = new URL(location.href).searchParams.has('isolate');

/** As docs/hosting.md asks of hosts, which many of them cannot do. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

addEventListener('install', event => (event as Lasting).waitUntil(fill()));

addEventListener('activate', event => (event as Lasting).waitUntil(Promise.all([fillLater(), dropFormer()])));

addEventListener('fetch', event => {
  const { request, respondWith } = bound(event as Fetching);
  const url = new URL(request.url);
  if (request.method === 'POST' && url.href === registration.scope + SHARE_PATH)
    return respondWith(receiveShared(request, registration.scope));
  if (request.method !== 'GET' || !url.href.startsWith(registration.scope)) return;
  if (url.pathname.endsWith('/')) url.pathname += 'index.html';
  const path = url.href.slice(registration.scope.length).replace(/[?#].*$/, '');
  if (FILES.includes(path) || LATER.includes(path)) respondWith(kept(path, request));
});

const bound = (event: Fetching) => ({ request: event.request, respondWith: event.respondWith.bind(event) });

async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map(fresh));
}

/** What is missing is fetched when it is asked for. */
async function fillLater(): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.allSettled(LATER.map(file => cache.add(fresh(file))));
}

/** Past the browser's own cache, which may hold another version. */
const fresh = (file: string) => new Request(file, { cache: 'reload' });

async function dropFormer(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter(name => name.startsWith(PREFIX) && name !== CACHE).map(name => caches.delete(name)));
}

async function kept(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const response = (await cache.match(path)) ?? (await fetch(request));
  return ISOLATES && path.endsWith('index.html') && response.ok ? isolated(response) : response;
}

function isolated({ body, status, statusText, headers }: Response): Response {
  return new Response(body, { status, statusText, headers: { ...Object.fromEntries(headers), ...ISOLATION } });
}
