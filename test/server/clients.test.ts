// The official clients, as their users install them, against `codeformer serve` with the weights of the package: what they expect of the
// hosted API is what they get here.

import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ApiError, createFalClient, type FalClient, type QueueStatus, ValidationError } from '@fal-ai/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../src/node/images.js';
import type * as Library from '../../src/server/index.js';
import { buildProject } from '../built.js';
import { facePhoto, type Running, startServer } from './serve.js';
import { PYTHON, withPython } from './services.js';

const KEY = 'secret-key';
const APP = 'fal-ai/codeformer';

let folder: string;
let photo: Buffer;
let photos: Server;
let photoUrl: string;
let server: Running;

/** What servers of the tests have in common. */
const common = () => ['--key', KEY, '--allow-private-urls', '--storage', join(folder, 'storage')];

beforeAll(async () => {
  await buildProject();
  folder = await mkdtemp(join(tmpdir(), 'codeformer-clients-'));
  photo = await facePhoto();
  photos = createServer((_, response) => response.end(photo)).listen(0, '127.0.0.1');
  await new Promise(resolve => photos.once('listening', resolve));
  photoUrl = `http://127.0.0.1:${(photos.address() as AddressInfo).port}/photo.jpg`;
  server = await startServer(common());
});
afterAll(async () => {
  await server?.stop();
  photos?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const STAGES = [
  /^The picture is here \(0\.0 MB\)$/,
  /^Decoding the picture$/,
  /^Looking for faces$/,
  /^Detected 1 face$/,
  /^Restoring face 1 of 1$/,
  /^Pasting the faces into the picture$/,
  /^Encoding the result$/,
];

interface Result {
  readonly image: {
    readonly url: string;
    readonly width: number;
    readonly height: number;
    readonly content_type: string;
  };
  readonly seed: number;
}

async function expectRestored({ image, seed }: Result, scale = 2, bytes?: Uint8Array): Promise<void> {
  const side = 160 * scale;
  expect({ ...image, seed }).toMatchObject({
    width: side,
    height: side,
    content_type: 'image/png',
    seed: expect.any(Number),
  });
  const picture = await decodeImage(bytes ?? new Uint8Array(await (await fetch(image.url)).arrayBuffer()));
  expect([picture.width, picture.height]).toEqual([side, side]);
}

describe('the client for JavaScript', () => {
  /** Sends requests to the server by changing their host. */
  const rewritten = (credentials = KEY): FalClient =>
    createFalClient({
      credentials,
      requestMiddleware: async request => ({
        ...request,
        url: request.url
          .replace(/^https:\/\/queue\.fal\.run/, `${server.url}/queue`)
          .replace(/^https:\/\/(fal\.run|rest\.fal\.ai)/, server.url),
      }),
    });
  const proxied = (): FalClient =>
    createFalClient({ credentials: KEY, proxyUrl: { url: `${server.url}/any/path`, when: 'always' } });

  test.each([
    ['polling', rewritten, 'polling'],
    ['polling, by way of a proxy', proxied, 'polling'],
    ['streaming', rewritten, 'streaming'],
    ['streaming, by way of a proxy', proxied, 'streaming'],
  ] as const)('subscribes by %s, with logs', async (_, client, mode) => {
    const updates: QueueStatus[] = [];
    let enqueued = '';
    const { data, requestId } = await client().subscribe(APP, {
      input: { image_url: photoUrl, fidelity: 0.7 },
      logs: true,
      mode,
      ...(mode === 'polling' && { pollInterval: 20 }),
      onEnqueue: (id: string) => {
        enqueued = id;
      },
      onQueueUpdate: (update: QueueStatus) => updates.push(structuredClone(update)),
    } as never);
    await expectRestored(data as unknown as Result);
    expect(requestId).toBe(enqueued);
    expect(new Set(updates.map(({ status }) => status))).toContain('IN_PROGRESS');
    const last = updates.at(-1)!;
    expect(last).toMatchObject({ status: 'COMPLETED', request_id: requestId });
    const messages = (last as { logs: { message: string }[] }).logs.map(({ message }) => message);
    expect(messages.filter((message, i) => messages.indexOf(message) === i)).toEqual(
      STAGES.map(stage => expect.stringMatching(stage)),
    );
    // In both modes they add up.
    const running = updates.filter(update => update.status === 'IN_PROGRESS');
    for (const [i, update] of running.entries())
      if (i > 0) expect(update.logs.length).toBeGreaterThanOrEqual((running[i - 1] as typeof update).logs.length);
  });

  test('runs at once', async () => {
    const { data, requestId } = await rewritten().run(APP, {
      input: { image_url: photoUrl, upscaling: 1, seed: 5 } as never,
    });
    await expectRestored(data as unknown as Result, 1);
    expect((data as unknown as Result).seed).toBe(5);
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('submits, asks for the status and gets the result', async () => {
    const { queue } = rewritten();
    const submitted = await queue.submit(APP, { input: { image_url: photoUrl, upscale_factor: 1.5 } as never });
    expect(submitted).toMatchObject({
      status: 'IN_QUEUE',
      request_id: expect.any(String),
      queue_position: expect.any(Number),
    });
    const requestId = submitted.request_id;
    const done = await queue.subscribeToStatus(APP, { requestId, pollInterval: 50 });
    expect(done).toMatchObject({ status: 'COMPLETED', metrics: { inference_time: expect.any(Number) } });
    const result = await queue.result(APP, { requestId });
    expect(result.requestId).toBe(requestId);
    await expectRestored(result.data as Result, 1.5);
  });

  test('cancels, and hears when it is too late', async () => {
    const { queue } = rewritten();
    const { request_id: requestId } = await queue.submit(APP, { input: { image_url: photoUrl } as never });
    await queue.cancel(APP, { requestId });
    expect(await queue.status(APP, { requestId })).toMatchObject({ status: 'COMPLETED' });
    await expect(queue.result(APP, { requestId })).rejects.toMatchObject({ status: 499 });
    await expect(queue.cancel(APP, { requestId })).rejects.toMatchObject({ status: 400 });
  });

  test('streams', async () => {
    const stream = await rewritten().stream(APP, { input: { image_url: photoUrl } });
    const events: { logs?: { message: string }[] }[] = [];
    for await (const event of stream) events.push(event as never);
    await expectRestored((await stream.done()) as Result);
    expect(events.flatMap(({ logs = [] }) => logs).map(({ message }) => message)).toContain('Restoring face 1 of 1');
    const broken = await rewritten().stream(APP, { input: { image_url: photoUrl.replace('http', 'https') } });
    await expect(broken.done()).rejects.toThrow();
  });

  test('uploads files, also those that it finds in the input', async () => {
    const client = rewritten();
    const file = new Blob([new Uint8Array(photo)], { type: 'image/jpeg' });
    const url = await client.storage.upload(file);
    expect(Buffer.from(await (await fetch(url)).arrayBuffer())).toEqual(photo);
    const named = await client.subscribe(APP, { input: { image_url: url }, pollInterval: 50 });
    await expectRestored(named.data as unknown as Result);
    const found = await client.subscribe(APP, { input: { image_url: file }, pollInterval: 50 });
    await expectRestored(found.data as unknown as Result);
  });

  test('tells what is wrong', async () => {
    const invalid = await rewritten()
      .subscribe(APP, { input: { image_url: photoUrl, fidelity: 2 } })
      .catch(error => error);
    expect(invalid).toBeInstanceOf(ValidationError);
    expect(invalid.getFieldErrors('fidelity')).toMatchObject([{ type: 'less_than_equal' }]);
    const unknown = await rewritten('wrong')
      .run(APP, { input: { image_url: photoUrl } })
      .catch(error => error);
    expect(unknown).toBeInstanceOf(ApiError);
    expect(unknown.status).toBe(401);
    const gone = await rewritten()
      .subscribe(APP, { input: { image_url: photoUrl.replace('http', 'https') }, pollInterval: 50 })
      .catch(error => error);
    expect([gone.status, gone.body.detail]).toEqual([422, expect.stringMatching(/could not be fetched/)]);
  });

  test('works in the process of the server, by its fetch', async () => {
    const library: typeof Library = await import(new URL('../../dist/server.js', import.meta.url).href);
    const handler = library.createHandler({ keys: [KEY], allowPrivateUrls: true });
    try {
      await handler.ready();
      const fetchHere = ((url: string, init?: RequestInit) => handler(new Request(url, init))) as typeof fetch;
      const client = createFalClient({ credentials: KEY, fetch: fetchHere });
      const file = new Blob([new Uint8Array(photo)], { type: 'image/jpeg' });
      const { data } = await client.subscribe(APP, { input: { image_url: file }, logs: true, pollInterval: 50 });
      const { image } = data as unknown as Result;
      expect(image.url).toMatch(/^https:\/\/queue\.fal\.run\/files\/results\//);
      const bytes = new Uint8Array(await (await fetchHere(image.url)).arrayBuffer());
      await expectRestored(data as unknown as Result, 2, bytes);
      const stream = await client.stream(APP, { input: { image_url: file } });
      expect(await stream.done()).toMatchObject({ image: { width: 320 } });
    } finally {
      await handler.close();
    }
  });
});

/** A certificate for this machine by an authority that nobody else knows. */
function makeCertificates(): { readonly authority: string; readonly cert: string; readonly key: string } {
  const file = (name: string) => join(folder, name);
  const [authority, cert, key] = [file('authority.pem'), file('cert.pem'), file('key.pem')];
  const script = `
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout authority.key -out authority.pem \\
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out request.pem
    printf 'subjectAltName=DNS:localhost\\nextendedKeyUsage=serverAuth\\nauthorityKeyIdentifier=keyid\\n' > extensions
    openssl x509 -req -in request.pem -days 2 -CA authority.pem -CAkey authority.key -CAcreateserial -extfile extensions -out cert.pem`;
  execFileSync('bash', ['-ec', script], { cwd: folder, stdio: 'pipe' });
  return { authority, cert, key };
}

withPython('the client for Python', () => {
  let secure: Running;
  let receiver: Server;
  const hooks: { readonly path: string; readonly body: unknown }[] = [];
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    const { authority, cert, key } = makeCertificates();
    secure = await startServer([...common().slice(0, -1), join(folder, 'secure'), '--cert', cert, '--tls-key', key]);
    const { port } = new URL(secure.url);
    receiver = createServer(async (request, response) => {
      let text = '';
      for await (const part of request) text += part;
      hooks.push({ path: request.url!, body: JSON.parse(text) });
      response.end();
    }).listen(0, '127.0.0.1');
    await new Promise(resolve => receiver.once('listening', resolve));
    await writeFile(join(folder, 'photo.jpg'), photo);
    env = {
      FAL_KEY: KEY,
      FAL_RUN_HOST: `localhost:${port}`,
      FAL_QUEUE_RUN_HOST: `localhost:${port}/queue`,
      SSL_CERT_FILE: authority,
      SERVER: `https://localhost:${port}`,
      PHOTO: photoUrl,
      FILE: join(folder, 'photo.jpg'),
      WEBHOOK: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`,
    };
  });
  afterAll(async () => {
    receiver?.close();
    await secure?.stop();
  });

  /** Runs a program in which the client is imported, and returns the JSON that it prints. */
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect.
  async function python(program: string): Promise<any> {
    const source = `import json, os\nimport fal_client\nfrom fal_client import client\n${program}\nprint(json.dumps(out))\n`;
    const options = { env: { ...process.env, ...env }, timeout: 100_000 };
    const { stdout } = await promisify(execFile)(PYTHON!, ['-c', source], options);
    return JSON.parse(stdout.trim().split('\n').at(-1)!);
  }

  /** The file of a result, by the authority of the test. */
  const bytesOf = async (url: string): Promise<Uint8Array> =>
    Buffer.from(
      await python(`
import base64, httpx
out = base64.b64encode(httpx.get(${JSON.stringify(url)}).content).decode()`),
      'base64',
    );

  test('subscribes with logs', async () => {
    const { updates, result, enqueued } = await python(`
updates, enqueued = [], []
def on_queue_update(update):
    logs = [log["message"] for log in update.logs or []] if not isinstance(update, fal_client.Queued) else []
    updates.append([type(update).__name__, logs])
result = fal_client.subscribe("${APP}", arguments={"image_url": os.environ["PHOTO"], "fidelity": 0.7, "seed": 5}, with_logs=True,
    interval=0.02, on_enqueue=enqueued.append, on_queue_update=on_queue_update)
out = {"updates": updates, "result": result, "enqueued": enqueued}`);
    expect(result.seed).toBe(5);
    expect(new URL(result.image.url).origin).toBe(env.SERVER);
    await expectRestored(result, 2, await bytesOf(result.image.url));
    expect(enqueued).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    expect(updates.map(([name]: [string]) => name)).toContain('InProgress');
    const [name, logs] = updates.at(-1);
    expect([name, logs]).toEqual(['Completed', STAGES.map(stage => expect.stringMatching(stage))]);
  });

  test('submits with a webhook, asks for the status, gets the result', async () => {
    const { id, states, result } = await python(`
handle = fal_client.submit("${APP}", arguments={"image_url": os.environ["PHOTO"]}, webhook_url=os.environ["WEBHOOK"] + "?a=b&c=d")
states = [type(event).__name__ for event in handle.iter_events(with_logs=True)]
out = {"id": handle.request_id, "states": states, "result": fal_client.result("${APP}", handle.request_id)}`);
    expect(states.at(-1)).toBe('Completed');
    await expect.poll(() => hooks.length, { timeout: 10_000 }).toBe(1);
    const ids = { request_id: id, gateway_request_id: id };
    expect(hooks).toEqual([{ path: '/hook?a=b&c=d', body: { ...ids, status: 'OK', payload: result } }]);
  });

  test('cancels, and a webhook says so', async () => {
    const { id, error } = await python(`
handle = fal_client.submit("${APP}", arguments={"image_url": os.environ["PHOTO"]}, webhook_url=os.environ["WEBHOOK"] + "/cancelled")
handle.cancel()
try:
    handle.get()
except fal_client.FalClientHTTPError as error:
    out = {"id": handle.request_id, "error": [error.status_code, error.message, error.error_type]}`);
    expect(error).toEqual([499, 'The request was cancelled', 'client_cancelled']);
    const hook = () => hooks.find(({ path }) => path === '/hook/cancelled')?.body;
    await expect
      .poll(hook, { timeout: 10_000 })
      .toMatchObject({ request_id: id, status: 'ERROR', payload: { detail: error[1] } });
  });

  test('runs at once, streams, and works without waiting', async () => {
    const { run, events, later } = await python(`
import asyncio
arguments = {"image_url": os.environ["PHOTO"], "upscaling": 1}
async def later():
    handle = await fal_client.submit_async("${APP}", arguments=arguments)
    return await handle.get()
out = {
    "run": fal_client.run("${APP}", arguments=arguments),
    "events": list(fal_client.stream("${APP}", arguments=arguments)),
    "later": asyncio.run(later()),
}`);
    for (const result of [run, events.at(-1), later])
      expect(result).toMatchObject({ image: { width: 160 }, seed: expect.any(Number) });
    expect(events[0]).toMatchObject({ status: expect.any(String), request_id: expect.any(String) });
  });

  test('uploads by all of its ways', async () => {
    const { urls, result } = await python(`
client.REST_URL = client.CDN_URL = os.environ["SERVER"]
data = open(os.environ["FILE"], "rb").read()
urls = [fal_client.upload_file(os.environ["FILE"]), fal_client.upload(data, "image/jpeg"), fal_client.upload(data, "image/jpeg", repository="fal")]
out = {"urls": urls, "result": fal_client.subscribe("${APP}", arguments={"image_url": urls[0], "upscaling": 1})}`);
    expect(new Set(urls).size).toBe(3);
    for (const url of urls) expect(Buffer.from(await bytesOf(url))).toEqual(photo);
    expect(result).toMatchObject({ image: { width: 160 } });
  });

  test('tells what is wrong', async () => {
    const errors = await python(`
out = []
for key, arguments in [("${KEY}", {"image_url": os.environ["PHOTO"], "fidelity": 2}), ("wrong", {"image_url": os.environ["PHOTO"]}), ("${KEY}", {"image_url": "https://localhost:1/photo.jpg"})]:
    try:
        fal_client.SyncClient(key=key).subscribe("${APP}", arguments=arguments)
    except fal_client.FalClientHTTPError as error:
        out.append([error.status_code, error.message])`);
    expect(errors).toEqual([
      [422, [expect.objectContaining({ loc: ['body', 'fidelity'] })]],
      [401, expect.any(String)],
      [422, expect.stringMatching(/could not be fetched/)],
    ]);
  });
});
