// Files of an album in one. Loaded where it is asked for.

import { makeZip } from 'client-zip';
import type { PhotoFile } from './album.js';

/** A zip of files, which are packed as they are: pictures are compressed already. */
export async function zipOf(files: readonly PhotoFile[]): Promise<Blob> {
  const now = new Date();
  const entries = files.map(({ blob, name }) => ({ input: blob, name, lastModified: now }));
  const parts: Blob[] = [];
  let waiting: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  // Browsers may keep blobs outside of memory.
  const put = () => {
    parts.push(new Blob(waiting));
    waiting = [];
    bytes = 0;
  };
  for await (const chunk of makeZip(entries)) {
    waiting.push(chunk as Uint8Array<ArrayBuffer>);
    bytes += chunk.length;
    if (bytes > 16e6) put();
  }
  put();
  return new Blob(parts, { type: 'application/zip' });
}
