// Has the pages kept for offline use.

import { ROOT } from './workers.js';

/** False where the page is served while it is worked on. */
declare const OFFLINE: boolean;

export function keepOffline(): void {
  if (!OFFLINE || !navigator.serviceWorker) return;
  const script = new URL('sw.js', ROOT);
  // From the next visit on. The frame that downloads weights (fetch-weights.ts) comes from the host, past the service worker; a page that is
  // isolated may only show it where browsers know frames without credentials.
  if ('credentialless' in HTMLIFrameElement.prototype) script.search = '?isolate';
  // Without it the page works as long as there is a connection.
  navigator.serviceWorker.register(script).catch(error => console.warn(`Not available offline: ${error.message}`));
}
