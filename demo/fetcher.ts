// Downloads weights from an address that someone typed. It runs in a frame of its own, in a sandbox: it may reach other hosts, which the
// page may not, and cannot see the page, which has the photos. It works for the page of its own host alone, and only in that sandbox, where
// it is nobody that the host would show more to than to a stranger.

import { MemoryStore, parseAddress, transfer } from '../src/weights/transfer.js';

export interface Fetched {
  readonly received?: number;
  readonly total?: number | null;
  readonly blob?: Blob;
  readonly failure?: string;
}

/** The origin of a document in a sandbox, which is that of no host. */
const NO_ORIGIN = 'null';

if (self.origin === NO_ORIGIN) addEventListener('message', take);

async function take(event: MessageEvent): Promise<void> {
  const port = event.ports[0];
  // In a sandbox `location` still tells the host that this file came from.
  if (event.source !== parent || event.origin !== location.origin || !port || typeof event.data !== 'string') return;
  const tell = (message: Fetched) => port.postMessage(message);
  // Browsers that do not name the ancestors leave it at the origin of who asks.
  if ([...(location.ancestorOrigins ?? [])].some(origin => origin !== location.origin)) {
    tell({ failure: 'pages that are shown inside of another site download nothing' });
    return;
  }
  try {
    const store = new MemoryStore();
    await transfer(event.data, store, {
      // Who names a hash compares it with what comes.
      hashed: parseAddress(event.data).sha256 !== undefined,
      ifRange: false,
      init: { credentials: 'omit', referrerPolicy: 'no-referrer' },
      onProgress: (received, total) => tell({ received, total: total ?? null }),
    });
    tell({ blob: new Blob(store.pieces) });
  } catch (error) {
    tell({ failure: (error as Error).message });
  }
}
