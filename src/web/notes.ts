// What is remembered of adapters, in IndexedDB.

import type { Notes } from '../pipeline/platform.js';

const [DATABASE, STORE] = ['codeformer-webgpu', 'adapters'];

/** Does one thing in the database; null where there is none, or it fails: private windows and policies forbid it. */
async function ask<T>(mode: IDBTransactionMode, request: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | null> {
  try {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    const database = await answer(opening);
    try {
      return await answer(request(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  } catch {
    return null;
  }
}

const answer = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export const NOTES: Notes = {
  get host() {
    return navigator.userAgent;
  },
  async read(key) {
    const text: unknown = await ask('readonly', store => store.get(key));
    return typeof text === 'string' ? text : null;
  },
  async write(key, text) {
    await ask('readwrite', store => store.put(text, key));
  },
};
