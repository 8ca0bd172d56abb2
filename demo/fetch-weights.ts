// Gets weights from an address by the frame that may reach other hosts (fetcher.ts).

import { onAbort } from '../src/abort.js';
import { CodeFormerError } from '../src/web/client.js';
import type { Fetched } from './fetcher.js';

/**
 * @param url with `#sha256=` and the hash where the caller compares it
 * @param onProgress gets bytes received, and all of them where the server says so
 * @throws `DOWNLOAD_FAILED`, `ABORTED`
 */
export async function fetchWeights(
  url: string,
  onProgress: (received: number, total: number | null) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const frame = document.createElement('iframe');
  frame.hidden = true;
  frame.title = 'Downloads weights';
  frame.setAttribute('sandbox', 'allow-scripts');
  // Pages that are isolated show such a frame whatever headers the host sends with it.
  frame.setAttribute('credentialless', '');
  frame.src = 'fetcher.html';
  try {
    await new Promise(resolve => {
      frame.addEventListener('load', resolve, { once: true });
      document.body.append(frame);
    });
    const { port1, port2 } = new MessageChannel();
    return await new Promise<Blob>((resolve, reject) => {
      onAbort(signal, () => reject(new CodeFormerError('ABORTED', `The download of ${url} was stopped`)));
      port1.onmessage = ({ data }: MessageEvent<Fetched>) => {
        if (data.blob) resolve(data.blob);
        else if (data.failure !== undefined) reject(new CodeFormerError('DOWNLOAD_FAILED', refused(data.failure)));
        else onProgress(data.received ?? 0, data.total ?? null);
      };
      // A frame in a sandbox has no origin that could be named.
      frame.contentWindow!.postMessage(url, '*', [port2]);
    });
  } finally {
    // It takes its downloads with it.
    frame.remove();
  }
}

const refused = (why: string) =>
  `${why}. Many hosts, GitHub among them, let no page read their files: download the file by hand and choose it here.`;
