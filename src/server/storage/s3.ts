// Results and uploads in a bucket of S3, or of a server that speaks its protocol.

import type * as Sdk from '@aws-sdk/client-s3';
import { CodeFormerError, invalidArgument } from '../../errors.js';
import { StorageFullError } from '../errors.js';
import { optionalPackage } from '../optional.js';
import type { Storage } from '../types.js';
import { checkContentType, checkKey, isKey } from './keys.js';

/** What an address of a bucket says. */
export interface Bucket {
  readonly bucket: string;
  /** Before each key: folders with a slash behind them. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
}

/** All that is stored is in this folder: what is old there is deleted, and nothing else of a bucket that may have more. */
const FOLDER = 'codeformer/';

const PARAMETERS = ['endpoint', 'region'];

/**
 * Reads `s3://bucket/prefix?endpoint=URL&region=NAME`.
 * @throws `INVALID_ARGUMENT`
 */
export function parseBucket(address: string): Bucket {
  const url = URL.canParse(address) ? new URL(address) : null;
  // Whatever is wrong with it, secrets that are in it are not shown.
  const shown = address.replace(/\/\/[^/@]*@/, '//***@');
  const refuse = (what: string) => invalidArgument(what, 'the storage', shown);
  if (url?.protocol !== 's3:' || !url.hostname) throw refuse('s3://bucket/prefix?endpoint=URL&region=NAME');
  if (url.username || url.password)
    throw refuse('no credentials in the address, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment');
  const unknown = [...url.searchParams.keys()].find(name => !PARAMETERS.includes(name));
  if (unknown !== undefined) throw refuse(`no parameters but ${PARAMETERS.join(' and ')}`);
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !(URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)))
    throw refuse('an http or https address as endpoint');
  const folders = url.pathname.replace(/^\/+|\/+$/g, '');
  if (folders && !isKey(folders)) throw refuse('a prefix of letters, digits, -, _, / and dots inside of names');
  const region = url.searchParams.get('region') ?? undefined;
  return { bucket: url.hostname, prefix: `${folders && `${folders}/`}${FOLDER}`, endpoint, region };
}

/** What servers say that have no room left, or that let nobody go beyond a share of it. */
const FULL = /quota|storagefull|insufficientstorage/i;

/**
 * Opens a bucket. Who may use it is taken from the environment, as all programs for S3 do it.
 * @param page entries that are listed with one request
 * @throws `PACKAGE_MISSING` without `@aws-sdk/client-s3`; `FILE_UNREADABLE` where the bucket cannot be reached
 */
export async function openBucket({ bucket, prefix, endpoint, region }: Bucket, page = 1000): Promise<Storage> {
  const sdk = await optionalPackage('@aws-sdk/client-s3', 'a storage on S3', () => import('@aws-sdk/client-s3'));
  const client = new sdk.S3Client({
    // Servers of one's own have names for addresses, not for buckets in front of them, and no regions.
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true, region: 'us-east-1' }),
    ...(region !== undefined && { region }),
    // Servers that speak the protocol need not know the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const storage = new BucketStorage(sdk, client, bucket, prefix, page);
  try {
    await storage.check();
  } catch (error) {
    client.destroy();
    throw error;
  }
  return storage;
}

class BucketStorage implements Storage {
  constructor(
    private readonly sdk: typeof Sdk,
    private readonly client: Sdk.S3Client,
    private readonly bucket: string,
    private readonly prefix: string,
    private readonly page: number,
  ) {}

  /** Throws `FILE_UNREADABLE` where the bucket is not there or may not be used. */
  async check(): Promise<void> {
    await this.reading(this.client.send(new this.sdk.HeadBucketCommand({ Bucket: this.bucket })));
  }

  async put(key: string, body: Uint8Array, contentType: string): Promise<void> {
    checkKey(key);
    checkContentType(contentType);
    const object = { ...this.object(key), Body: body, ContentType: contentType, ContentLength: body.length };
    await this.writing(this.client.send(new this.sdk.PutObjectCommand(object)));
  }

  async get(key: string): Promise<{ body: Uint8Array; contentType: string } | undefined> {
    checkKey(key);
    const read = async () => {
      const { Body, ContentType } = await this.client.send(new this.sdk.GetObjectCommand(this.object(key)));
      return { body: await Body!.transformToByteArray(), contentType: ContentType ?? 'application/octet-stream' };
    };
    return this.reading(
      read().catch(error => {
        if (error instanceof this.sdk.NoSuchKey) return undefined;
        throw error;
      }),
    );
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.writing(this.client.send(new this.sdk.DeleteObjectCommand(this.object(key))));
  }

  async *list(prefix: string): AsyncIterable<{ key: string; size: number; modified: number }> {
    const query = { Bucket: this.bucket, Prefix: this.prefix + prefix, MaxKeys: this.page };
    let next: string | undefined;
    do {
      const page = await this.reading(
        this.client.send(new this.sdk.ListObjectsV2Command({ ...query, ContinuationToken: next })),
      );
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const key = Key.slice(this.prefix.length);
        if (isKey(key)) yield { key, size: Size, modified: LastModified?.getTime() ?? 0 };
      }
      next = page.NextContinuationToken;
    } while (next !== undefined);
  }

  async close(): Promise<void> {
    this.client.destroy();
  }

  private object(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: this.prefix + key };
  }

  private async reading<T>(request: Promise<T>): Promise<T> {
    return request.catch(cause => {
      throw new CodeFormerError('FILE_UNREADABLE', `${this.name} cannot be read: ${saying(cause)}`, { cause });
    });
  }

  private async writing(request: Promise<unknown>): Promise<void> {
    await request.catch(cause => {
      const { name, $metadata } = cause as Partial<Sdk.S3ServiceException>;
      if (FULL.test(name ?? '') || $metadata?.httpStatusCode === 507) throw new StorageFullError({ cause });
      throw new CodeFormerError('FILE_UNWRITABLE', `${this.name} cannot be written: ${saying(cause)}`, { cause });
    });
  }

  private get name(): string {
    return `s3://${this.bucket}`;
  }
}

/** Errors of connections may have a code only, those of answers a name only. */
function saying(error: unknown): string {
  const { message, name, code } = error as Error & { code?: string };
  return [name === 'Error' || name === 'AggregateError' ? code : name, message].filter(Boolean).join(': ');
}
