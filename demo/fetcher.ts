// Downloads weights from an address that someone typed. It runs in a frame of its own, in a sandbox: it may reach other hosts, which the
// page may not, and cannot see the page, which has the photos.

export interface Fetched {
  readonly received?: number;
  readonly total?: number | null;
  readonly blob?: Blob;
  readonly failure?: string;
}

addEventListener('message', async event => {
  const port = event.ports[0];
  if (event.source !== parent || !port || typeof event.data !== 'string') return;
  const tell = (message: Fetched) => port.postMessage(message);
  try {
    const response = await fetch(event.data, { credentials: 'omit', referrerPolicy: 'no-referrer' });
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
    const total = Number(response.headers.get('content-length')) || null;
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let received = 0;
    for await (const piece of response.body) {
      pieces.push(piece as Uint8Array<ArrayBuffer>);
      received += piece.length;
      tell({ received, total });
    }
    tell({ blob: new Blob(pieces) });
  } catch (error) {
    tell({ failure: (error as Error).message });
  }
});
