// Uploads, in the ways in which the two official clients make them: announced and then put; posted to the host of files; each also in parts,
// which the clients choose for large files.

import type { Context, Hono } from 'hono';
import { pictureFormat } from '../image/format.js';
import type { Keys } from './auth.js';
import { readJson } from './body.js';
import { JobError } from './errors.js';
import { readBody } from './limits.js';
import type { ClientInfo } from './routing.js';
import { checked, UPLOAD } from './schema.js';
import type { Storage } from './types.js';
import { isRandomName, randomName, UPLOADS } from './work.js';

/** What routes know of a request. */
export interface RequestVariables {
  readonly base: string;
  readonly queueBase: string;
  readonly query: URLSearchParams;
  readonly owner: string;
  readonly requestId: string;
}

export type AppEnv = { Variables: RequestVariables; Bindings: { readonly client: ClientInfo } };
export type App = Hono<AppEnv>;
export type Ctx = Context<AppEnv>;

export interface UploadOptions {
  readonly keys: Keys;
  readonly storage: Storage;
  /** Of one file. */
  readonly maxBytes: number;
  /** Counts what an owner uploads. Throws JobError 429. */
  readonly take: (owner: string, bytes: number) => void;
}

/** Milliseconds for which addresses of uploads, and tokens for them, are valid. */
const VALID = 60 * 60_000;

/** Bytes from which on the clients send files in parts: the smaller one of their limits. */
const IN_PARTS = 90 * 1024 * 1024;

const PARTS = 'parts/';

const nameIn = (c: Ctx): string => {
  const name = c.req.param('name') ?? '';
  if (!isRandomName(name)) throw new JobError(404, 'Not found');
  return name;
};

/** Adds the routes of uploads whose requests have a key. */
export function addUploads(app: App, options: UploadOptions): void {
  const { keys, maxBytes } = options;
  const body = async (c: Ctx, owner = c.var.owner) => {
    const bytes = await readBody(c.req.raw, maxBytes);
    options.take(owner, bytes.length);
    return bytes;
  };

  /** An address that allows to write a file, without a key. */
  const announced = async (c: Ctx, kind: string) => {
    checked(UPLOAD, await readJson(c.req.raw, 10_000));
    const name = randomName();
    const { base, owner } = c.var;
    const expires = Date.now() + VALID;
    const signature = keys.sign(owner, `${kind} ${name} ${expires}`);
    const query = new URLSearchParams({ owner, expires: String(expires), signature });
    return c.json({
      upload_url: `${base}/storage/${kind}/${name}?${query}`,
      file_url: `${base}/files/${UPLOADS}${name}`,
    });
  };
  const checkSigned = (c: Ctx, kind: string, name: string) => {
    const [owner, expires, signature] = ['owner', 'expires', 'signature'].map(key => c.var.query.get(key) ?? '');
    const isValid = Number(expires) > Date.now() && keys.isSigned(owner!, `${kind} ${name} ${expires}`, signature!);
    if (!isValid) throw new JobError(403, 'The address of this upload is not valid, or not any more');
    return owner!;
  };
  const checkParts = () => {
    if (maxBytes <= IN_PARTS) throw new JobError(413, `The file is too large: more than ${maxBytes} bytes`);
  };

  app.post('/storage/upload/initiate', c => announced(c, 'put'));
  app.put('/storage/put/:name', async c => {
    const name = nameIn(c);
    const owner = checkSigned(c, 'put', name);
    await putFile(options.storage, name, await body(c, owner));
    return c.json({});
  });

  app.post('/storage/upload/initiate-multipart', c => {
    checkParts();
    return announced(c, 'parts');
  });
  app.put('/storage/parts/:name/:part', async c => {
    const name = nameIn(c);
    const owner = checkSigned(c, 'parts', name);
    const etag = await putPart(options, name, c.req.param('part'), await body(c, owner));
    return c.json({ etag, partNumber: Number(c.req.param('part')) });
  });
  app.post('/storage/parts/:name/complete', async c => {
    const name = nameIn(c);
    checkSigned(c, 'parts', name);
    await putTogether(options, name);
    return c.json({});
  });

  app.post('/storage/auth/token', c => {
    const expires = Date.now() + VALID;
    const token = keys.token(c.var.owner, expires);
    const expires_at = new Date(expires).toISOString().replace('Z', '+00:00');
    return c.json({ token, token_type: 'Bearer', base_url: c.var.base, expires_at });
  });
  app.post('/files/upload', async c => {
    const name = randomName();
    await putFile(options.storage, name, await body(c));
    return c.json({ access_url: `${c.var.base}/files/${UPLOADS}${name}` });
  });
  app.post('/files/upload/multipart', c => {
    checkParts();
    const name = randomName();
    const uploadId = keys.sign(c.var.owner, `multipart ${name}`);
    return c.json({ access_url: `${c.var.base}/files/${UPLOADS}${name}`, uploadId });
  });
  const checkUpload = (c: Ctx, name: string) => {
    if (!keys.isSigned(c.var.owner, `multipart ${name}`, c.req.param('id') ?? '')) throw new JobError(404, 'Not found');
  };
  app.put(`/files/${UPLOADS}:name/multipart/:id/:part`, async c => {
    const name = nameIn(c);
    checkUpload(c, name);
    c.header('etag', await putPart(options, name, c.req.param('part'), await body(c)));
    return c.json({});
  });
  app.post(`/files/${UPLOADS}:name/multipart/:id/complete`, async c => {
    const name = nameIn(c);
    checkUpload(c, name);
    await putTogether(options, name);
    return c.json({});
  });
}

/** Keeps a file under the type that it has by its content, whatever its sender calls it. */
async function putFile(storage: Storage, name: string, bytes: Uint8Array): Promise<void> {
  const format = pictureFormat(bytes);
  await storage.put(UPLOADS + name, bytes, format ? `image/${format}` : 'application/octet-stream');
}

const PART_NAME = /^\d{1,4}$/;

/** Keeps a part of a file. Returns its tag. */
async function putPart({ storage, maxBytes }: UploadOptions, name: string, part: string, bytes: Uint8Array) {
  if (!PART_NAME.test(part)) throw new JobError(404, 'Not found');
  let size = bytes.length;
  for await (const other of storage.list(`${PARTS}${name}/`)) size += other.size;
  if (size > maxBytes) throw new JobError(413, `The file is too large: more than ${maxBytes} bytes`);
  await storage.put(`${PARTS}${name}/${part}`, bytes, 'application/octet-stream');
  return `"${part}-${bytes.length}"`;
}

async function putTogether({ storage, maxBytes }: UploadOptions, name: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of storage.list(`${PARTS}${name}/`)) keys.push(key);
  const number = (key: string) => Number(key.slice(key.lastIndexOf('/') + 1));
  keys.sort((a, b) => number(a) - number(b));
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const key of keys) {
    const part = await storage.get(key);
    if (!part) throw new JobError(410, 'A part of the file is not kept any more');
    size += part.body.length;
    if (size > maxBytes) throw new JobError(413, `The file is too large: more than ${maxBytes} bytes`);
    parts.push(part.body);
  }
  await putFile(storage, name, Buffer.concat(parts));
  for (const key of keys) await storage.delete(key);
}
