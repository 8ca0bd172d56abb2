// Has the page kept for offline use.

/** False where the page is served while it is worked on. */
declare const OFFLINE: boolean;

export function keepOffline(): void {
  if (!OFFLINE || !navigator.serviceWorker) return;
  // Without it the page works as long as there is a connection.
  navigator.serviceWorker.register('sw.js').catch(error => console.warn(`Not available offline: ${error.message}`));
}
