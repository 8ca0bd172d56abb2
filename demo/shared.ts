// Photos that the system hands to the installed page: by its share sheet, which posts them to the service worker, and as files that are
// opened with it.

import type { PhotoFile } from './album.js';
import { chosenFiles } from './files.js';

/** The addresses that the manifest names for shared photos and that they are then shown at, and the field that they come in. */
export const SHARE_PATH = 'share';
const SHARED = '?shared';
const FIELD = 'photos';

const CACHE = 'codeformer-shared';
const NAME = 'x-file-name';

/** In the service worker: keeps what is shared for the page, and sends the browser there. */
export async function receiveShared(request: Request, scope: string): Promise<Response> {
  const files = (await request.formData()).getAll(FIELD).filter(value => value instanceof File);
  await caches.delete(CACHE);
  const cache = await caches.open(CACHE);
  for (const [i, file] of files.entries())
    await cache.put(`shared/${i}`, new Response(file, { headers: { [NAME]: encodeURIComponent(file.name) } }));
  return Response.redirect(scope + SHARED, 303);
}

/** On the page: the photos that were shared, once. */
async function takeShared(): Promise<PhotoFile[]> {
  if (location.search !== SHARED) return [];
  history.replaceState(null, '', location.pathname);
  const cache = await caches.open(CACHE);
  const responses = await Promise.all((await cache.keys()).map(key => cache.match(key)));
  const files = responses
    .flatMap(response => response ?? [])
    .map(async response => {
      return { blob: await response.blob(), name: decodeURIComponent(response.headers.get(NAME) ?? 'photo') };
    });
  const taken = await Promise.all(files);
  await caches.delete(CACHE);
  return taken;
}

interface LaunchQueue {
  setConsumer(take: (launch: { readonly files: readonly FileSystemFileHandle[] }) => void): void;
}

/** Takes what the system hands over, now and later. */
export function listenForSystem(open: (files: readonly PhotoFile[]) => void): void {
  const take = (files: readonly PhotoFile[]) => files.length > 0 && open(files);
  // Where the browser keeps nothing, nothing was shared.
  takeShared().then(take, () => {});
  const { launchQueue } = globalThis as { launchQueue?: LaunchQueue };
  launchQueue?.setConsumer(({ files }) => {
    void Promise.all(files.map(file => file.getFile())).then(all => take(chosenFiles(all)));
  });
}
