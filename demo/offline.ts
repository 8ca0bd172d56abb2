// Has the pages kept for offline use.

import { ROOT } from './workers.js';

/** False where the page is served while it is worked on. */
declare const OFFLINE: boolean;

export function keepOffline(): void {
  if (!OFFLINE || !navigator.serviceWorker) return;
  // Without it the page works as long as there is a connection.
  navigator.serviceWorker
    .register(new URL('sw.js', ROOT))
    .catch(error => console.warn(`Not available offline: ${error.message}`));
}
