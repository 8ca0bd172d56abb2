// Chosen files of weights, kept in this browser for the next visit.

import type { Weights } from './session.js';

const CACHE = 'codeformer-chosen-weights';

/** Cached answers have addresses; nothing is ever asked for at these. */
const addressOf = (option: string) => `chosen-weights/${option}`;

const NAME = 'x-file-name';

export type Files = Partial<Record<keyof Weights, File>>;

/** The files that were kept; none where the browser keeps nothing. */
export async function rememberedFiles(): Promise<Files> {
  try {
    const files: Files = {};
    // `open` would make an empty one.
    if (!(await caches.has(CACHE))) return files;
    const cache = await caches.open(CACHE);
    for (const option of ['weights', 'detector', 'parser', 'upscaler'] as const) {
      const response = await cache.match(addressOf(option));
      if (!response) continue;
      const name = decodeURIComponent(response.headers.get(NAME) ?? option);
      files[option] = new File([await response.blob()], name);
    }
    return files;
  } catch {
    return {};
  }
}

/** Keeps these files and no others. */
export async function rememberFiles(files: Files): Promise<void> {
  await caches.delete(CACHE);
  const entries = Object.entries(files);
  if (entries.length === 0) return;
  const cache = await caches.open(CACHE);
  for (const [option, file] of entries) {
    await cache.put(addressOf(option), new Response(file, { headers: { [NAME]: encodeURIComponent(file.name) } }));
  }
}
