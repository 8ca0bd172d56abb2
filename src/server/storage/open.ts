// Storages by what names them.

import { resolve } from 'node:path';
import { invalidArgument } from '../../errors.js';
import { makeFolder } from '../../node/write-file.js';
import type { Storage } from '../types.js';
import { folderStorage } from './folder.js';
import { limited, type StorageLimits } from './retention.js';

/**
 * Opens a folder, or a bucket as `s3://bucket/prefix?endpoint=URL&region=NAME`.
 * @param place path of the folder, or address of the bucket
 * @param limits how much is kept, and for how long
 * @throws `INVALID_ARGUMENT`; `FILE_UNWRITABLE` for folders that cannot be made; for buckets `PACKAGE_MISSING` without `@aws-sdk/client-s3`, and `FILE_UNREADABLE` where they cannot be reached
 */
export async function openStorage(place: string, limits?: StorageLimits): Promise<Storage> {
  if (place === '') throw invalidArgument('a folder or s3://bucket', 'the storage', place);
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(place)) {
    await makeFolder(resolve(place));
    return limited(folderStorage(place), limits);
  }
  // Loaded here, as most servers have a folder.
  const { openBucket, parseBucket } = await import('./s3.js');
  return limited(await openBucket(parseBucket(place)), limits);
}
