// What was being worked on, kept in this browser over reloads and for the lab: photos, their faces, what was said of them, and settings.

import type { ChosenFace } from './session.js';
import type { Settings } from './store.js';

export interface KeptPhoto {
  readonly id: number;
  readonly name: string;
  readonly blob: Blob;
  /** Settings of its own; null where they are those of all. */
  readonly own: Settings | null;
  /** Null until it was shown. */
  readonly faces: readonly ChosenFace[] | null;
  readonly thorough: boolean;
}

export interface KeptWork {
  readonly photos: readonly KeptPhoto[];
  /** Id of the photo that is shown. */
  readonly open: number | null;
  /** Id of the face that is selected; null for all. */
  readonly selected: number | null;
  readonly settings: Settings;
}

/** Of more bytes only the photo that is shown is kept. */
const MOST_BYTES = 500e6;

const DATABASE = 'codeformer-work';
/** Files by the ids of their photos, and one record of all else. */
const FILES = 'files';
const RECORD = 'record';

/** What was kept last; null where there is nothing, or where the browser keeps nothing. */
export async function keptWork(): Promise<KeptWork | null> {
  try {
    return await used('readonly', async (files, record) => {
      const found = (await result(record.get(RECORD))) as KeptWork | undefined;
      if (!found) return null;
      const photos: KeptPhoto[] = [];
      for (const photo of found.photos) {
        const blob = (await result(files.get(photo.id))) as Blob | undefined;
        if (blob) photos.push({ ...photo, blob });
      }
      return photos.length > 0 ? { ...found, photos } : null;
    });
  } catch {
    return null;
  }
}

/**
 * Keeps this and nothing else.
 * @throws where the browser keeps nothing, or not so much
 */
export async function keepWork(work: KeptWork): Promise<void> {
  const bytes = work.photos.reduce((sum, { blob }) => sum + blob.size, 0);
  const photos = work.photos.filter(({ id }) => bytes <= MOST_BYTES || id === work.open);
  await used('readwrite', async (files, record) => {
    const known = (await result(files.getAllKeys())) as number[];
    for (const { id, blob } of photos) if (!known.includes(id)) files.put(blob, id);
    for (const id of known) if (!photos.some(photo => photo.id === id)) files.delete(id);
    record.put({ ...work, photos: photos.map(({ blob: _, ...photo }) => photo) }, RECORD);
  });
}

/** Forgets all of it. */
export async function forgetWork(): Promise<void> {
  await result(indexedDB.deleteDatabase(DATABASE));
}

/** Runs `work` with the files and the record, and resolves when what it wrote is written. */
async function used<T>(
  mode: IDBTransactionMode,
  work: (files: IDBObjectStore, record: IDBObjectStore) => Promise<T>,
): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => {
    for (const name of [FILES, RECORD]) opening.result.createObjectStore(name);
  };
  const database = await result(opening);
  try {
    const transaction = database.transaction([FILES, RECORD], mode);
    const written = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    const made = await work(transaction.objectStore(FILES), transaction.objectStore(RECORD));
    await written;
    return made;
  } finally {
    database.close();
  }
}

const result = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
