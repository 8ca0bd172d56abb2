// What the server answers: each route, and each thing that can be wrong with a request. The engine is the test's.

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CodeFormerError } from '../../src/errors.js';
import { StorageFullError } from '../../src/server/errors.js';
import { folderStorage } from '../../src/server/storage/folder.js';
import type { Storage } from '../../src/server/types.js';
import {
  ENDPOINT,
  eventsOf,
  GIF,
  PICTURE,
  PretendedEngine,
  QUEUE,
  RESULT,
  served,
  temporaryFolder,
  UUID,
} from './pretended.js';

const input = { image_url: PICTURE };
const requestPath = (id: string) => `${QUEUE}/requests/${id}`;
const FILE = /^http:\/\/server\.example\/files\/results\/([\w-]{32}\.png)$/;

describe('a request that waits for its result', () => {
  test('is answered with the file, its sizes and the seed', async () => {
    const { ask, engine } = served();
    const response = await ask(ENDPOINT, { body: input });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-fal-request-id')).toMatch(UUID);
    const { image, seed } = await response.json();
    const [, file_name] = FILE.exec(image.url)!;
    const rest = { content_type: 'image/png', file_size: RESULT.length, width: 2, height: 3 };
    expect({ image, seed }).toEqual({ image: { url: image.url, file_name, ...rest }, seed: 7 });
    const file = await ask(new URL(image.url).pathname);
    expect(Buffer.from(await file.arrayBuffer())).toEqual(RESULT);
    expect(file.headers.get('content-type')).toBe('image/png');
    expect(Buffer.from(engine.asked[0]!.photo)).toEqual(GIF);
  });

  test('has the defaults of the hosted endpoint', async () => {
    const { ask, engine } = served();
    await ask(ENDPOINT, { body: input });
    expect(engine.asked[0]!.input).toMatchObject({
      fidelity: 0.5,
      upscaling: 2,
      aligned: false,
      onlyCenterFace: false,
      faceUpscale: true,
      syncMode: false,
      outputFormat: 'png',
    });
    expect(engine.asked[0]!.input.seed).toBe(undefined);
  });

  test.each([
    [
      { fidelity: 0, seed: 5, aligned: true },
      { fidelity: 0, seed: 5, aligned: true },
    ],
    [{ upscaling: 3 }, { upscaling: 3 }],
    [{ upscale_factor: 4 }, { upscaling: 4 }],
    [{ upscaling: 3, upscale_factor: 4 }, { upscaling: 3 }],
    [
      { only_center_face: true, face_upscale: false },
      { onlyCenterFace: true, faceUpscale: false },
    ],
    [
      { strength: 0.5, never_worse: false, metadata: 'none' },
      { strength: 0.5, neverWorse: false, metadata: 'none' },
    ],
    [
      { faces: [0, 2], per_face: { 2: { fidelity: 1 } } },
      { faces: [0, 2], perFace: { 2: { fidelity: 1 } } },
    ],
    [
      { grayscale: true, temperature: 0.5, output_format: 'webp' },
      { grayscale: true, temperature: 0.5, outputFormat: 'webp' },
    ],
    // As clients send fields that were not given.
    [
      { seed: null, fidelity: null, upscale_factor: null },
      { fidelity: 0.5, upscaling: 2 },
    ],
  ])('understands %j', async (fields, expected) => {
    const { ask, engine } = served();
    expect((await ask(ENDPOINT, { body: { ...input, ...fields } })).status).toBe(200);
    expect(engine.asked[0]!.input).toMatchObject(expected);
  });

  test('gives a data URI in sync_mode', async () => {
    const { json } = served();
    const { image } = await json(ENDPOINT, { body: { ...input, sync_mode: true, output_format: 'jpeg' } });
    expect(image.url).toBe(`data:image/jpeg;base64,${RESULT.toString('base64')}`);
    expect(image.file_name).toMatch(/^[\w-]{32}\.jpg$/);
  });

  test('ends its job where the client leaves', async () => {
    const { ask, engine, json } = served();
    engine.holds = true;
    const left = new AbortController();
    const answer = ask(ENDPOINT, { body: input, signal: left.signal });
    answer.catch(() => {});
    await expect.poll(() => engine.asked.length).toBe(1);
    left.abort();
    await expect.poll(() => engine.asked[0]!.signal.aborted).toBe(true);
    expect(await json('/health')).toEqual({ status: 'ok' });
  });
});

describe('a request in the queue', () => {
  test('goes from the queue over its logs to the result', async () => {
    const { json, ask, engine } = served();
    engine.holds = true;
    const submitted = await json(QUEUE, { body: { ...input, colour: 'red' } });
    const { request_id: id } = submitted;
    expect(id).toMatch(UUID);
    const response_url = `http://server.example${requestPath(id)}`;
    const urls = { response_url, status_url: `${response_url}/status`, cancel_url: `${response_url}/cancel` };
    expect(submitted).toEqual({ status: 'IN_QUEUE', request_id: id, queue_position: 0, ...urls });
    await expect.poll(() => engine.asked.length).toBe(1);
    engine.asked[0]!.log('Restoring face 1 of 1');
    const running = await ask(`${requestPath(id)}/status?logs=1`);
    expect(running.status).toBe(202);
    const status = await running.json();
    expect(status).toMatchObject({ status: 'IN_PROGRESS', request_id: id, ...urls });
    expect(status.logs.map(({ message }: { message: string }) => message)).toEqual([
      'The field "colour" is not known, and ignored',
      'The picture is here (0.0 MB)',
      'Restoring face 1 of 1',
    ]);
    expect(status.logs[0]).toEqual({
      message: expect.any(String),
      level: 'WARN',
      source: 'codeformer',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
    // As the client for Python asks; it needs the field also where there are none.
    expect((await json(`${requestPath(id)}/status?logs=true`)).logs).toHaveLength(3);
    expect((await json(`${requestPath(id)}/status?logs=false`)).logs).toBe(null);
    const early = await ask(requestPath(id));
    expect([early.status, await early.json()]).toMatchObject([400, { detail: 'The request has not ended yet' }]);
    engine.asked[0]!.finish({ seed: 9 });
    await expect.poll(async () => (await ask(`${requestPath(id)}/status`)).status).toBe(200);
    const done = await json(`${requestPath(id)}/status?logs=1`);
    expect(done).toMatchObject({ status: 'COMPLETED', metrics: { inference_time: expect.any(Number) } });
    expect(done.logs).toHaveLength(3);
    const result = await ask(requestPath(id));
    expect(result.headers.get('x-fal-request-id')).toBe(id);
    expect(await result.json()).toMatchObject({ image: { url: expect.stringMatching(FILE) }, seed: 9 });
  });

  test('knows its position', async () => {
    const { json, submit, engine } = served();
    engine.holds = true;
    // Three of them run.
    const ids = [];
    for (let i = 0; i < 6; i++) ids.push(await submit());
    await expect.poll(() => engine.asked.length).toBe(3);
    const positions = await Promise.all(ids.map(id => json(`${requestPath(id)}/status`)));
    expect(positions.map(status => status.queue_position)).toEqual([undefined, undefined, undefined, 0, 1, 2]);
    expect(positions.at(-1)).toMatchObject({ status: 'IN_QUEUE', logs: null });
  });

  test('streams its status, with the new logs of each event', async () => {
    const { ask, submit, engine } = served();
    engine.holds = true;
    const id = await submit();
    await expect.poll(() => engine.asked.length).toBe(1);
    const response = await ask(`${requestPath(id)}/status/stream?logs=1`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const logs: string[] = [];
    const states: string[] = [];
    for await (const { status, logs: some } of eventsOf(response)) {
      if (states.at(-1) !== status) states.push(status);
      logs.push(...some.map(({ message }: { message: string }) => message));
      if (logs.length === 1) engine.asked[0]!.log('Looking for faces');
      if (logs.length === 2) engine.asked[0]!.finish();
    }
    expect(states).toEqual(['IN_PROGRESS', 'COMPLETED']);
    expect(logs).toEqual(['The picture is here (0.0 MB)', 'Looking for faces']);
  });

  test('is cancelled, once', async () => {
    const { ask, json, submit, engine } = served();
    engine.holds = true;
    const id = await submit();
    await expect.poll(() => engine.asked.length).toBe(1);
    const cancel = async (id: string) => {
      const response = await ask(`${requestPath(id)}/cancel`, { method: 'PUT' });
      return [response.status, await response.json()];
    };
    expect(await cancel(id)).toEqual([202, { status: 'CANCELLATION_REQUESTED' }]);
    expect(engine.asked[0]!.signal.aborted).toBe(true);
    expect(await cancel(id)).toEqual([400, { status: 'ALREADY_COMPLETED' }]);
    expect(await cancel('00000000-0000-4000-8000-000000000000')).toEqual([404, { status: 'NOT_FOUND' }]);
    // No client knows another state of what has ended.
    expect(await json(`${requestPath(id)}/status`)).toMatchObject({
      status: 'COMPLETED',
      error: 'The request was cancelled',
      error_type: 'client_cancelled',
    });
    const result = await ask(requestPath(id));
    expect([result.status, await result.json()]).toMatchObject([499, { detail: 'The request was cancelled' }]);
  });

  test('is cancelled while it waits', async () => {
    const { ask, submit, engine, json } = served();
    engine.holds = true;
    for (let i = 0; i < 3; i++) await submit();
    // What has begun is not yet with the engine: its photo is read first.
    await expect.poll(() => engine.asked.length).toBe(3);
    const [first, second] = [await submit(), await submit()];
    await ask(`${requestPath(first)}/cancel`, { method: 'PUT' });
    expect(await json(`${requestPath(second)}/status`)).toMatchObject({ status: 'IN_QUEUE', queue_position: 0 });
    // The place that gets free goes to the next in the queue, not to the cancelled one.
    engine.asked[0]!.finish();
    await expect.poll(() => engine.asked.length).toBe(4);
    expect(await json(`${requestPath(second)}/status`)).toMatchObject({ status: 'IN_PROGRESS' });
    expect(await json(`${requestPath(first)}/status`)).toMatchObject({ error_type: 'client_cancelled' });
  });

  test('fails with the status and detail of its work', async () => {
    const { ask, json, submit, engine } = served();
    engine.holds = true;
    const id = await submit();
    await expect.poll(() => engine.asked.length).toBe(1);
    engine.asked[0]!.fail(new CodeFormerError('INVALID_IMAGE', 'photo: the PNG is broken'));
    await expect.poll(async () => (await ask(`${requestPath(id)}/status`)).status).toBe(200);
    expect(await json(`${requestPath(id)}/status`)).toMatchObject({
      status: 'COMPLETED',
      error: 'body.image_url: photo: the PNG is broken',
      error_type: 'invalid_request',
    });
    const result = await ask(requestPath(id));
    const detail = [{ loc: ['body', 'image_url'], msg: 'photo: the PNG is broken', type: 'image_load_error' }];
    expect([result.status, await result.json()]).toMatchObject([422, { detail }]);
    expect(result.headers.get('x-fal-error-type')).toBe('invalid_request');
  });

  test.each([
    ['with a defect', new Error('secret /etc/passwd'), 500, 'Internal error'],
    ['with a defect of the library', new CodeFormerError('GPU_ERROR', '/home/me: bad'), 500, 'Internal error'],
    [
      'for want of memory',
      new CodeFormerError('OUT_OF_MEMORY', 'x'),
      500,
      'There is not enough memory for this picture',
    ],
    [
      'as too large',
      new CodeFormerError('IMAGE_TOO_LARGE', 'photo: large'),
      422,
      [expect.objectContaining({ type: 'image_too_large' })],
    ],
  ])('fails %s, without telling more than that', async (_, error, status, detail) => {
    const { ask, engine } = served();
    engine.holds = true;
    const answer = ask(ENDPOINT, { body: input });
    await expect.poll(() => engine.asked.length).toBe(1);
    engine.asked[0]!.fail(error);
    const response = await answer;
    expect([response.status, (await response.json()).detail]).toEqual([status, detail]);
  });

  test('fails where it takes too long, so that no client asks again', async () => {
    const { ask } = served({ deadline: 100 }, Object.assign(new PretendedEngine(), { holds: true }));
    const response = await ask(ENDPOINT, { body: input });
    expect([response.status, (await response.json()).detail]).toEqual([504, 'The request took too long']);
  });

  test('fails where the work takes too long', async () => {
    const { ask } = served({ jobTimeout: 100 }, Object.assign(new PretendedEngine(), { holds: true }));
    const response = await ask(ENDPOINT, { body: input });
    expect([response.status, (await response.json()).detail]).toEqual([504, 'The work on the picture took too long']);
  });

  test('fails where it cannot begin as soon as its client wants', async () => {
    const { ask, submit, engine } = served();
    engine.holds = true;
    for (let i = 0; i < 3; i++) await submit();
    const id = await submit({}, { headers: { 'x-fal-request-timeout': '0.1' } });
    await expect.poll(async () => (await ask(`${requestPath(id)}/status`)).status).toBe(200);
    const response = await ask(requestPath(id));
    expect([response.status, (await response.json()).detail]).toEqual([504, 'The request could not be begun in time']);
    expect(response.headers.get('x-fal-request-timeout-type')).toBe('user');
  });

  test('does not wait where the queue is full', async () => {
    const { ask, submit } = served({ queueLimit: 1 }, Object.assign(new PretendedEngine(), { holds: true }));
    for (let i = 0; i < 4; i++) expect(await submit()).toMatch(UUID);
    const response = await ask(QUEUE, { body: input });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ detail: 'The queue is full; try again later' });
  });
});

describe('a stream', () => {
  test('has the logs and at last the result', async () => {
    const { ask } = served();
    const response = await ask(`${ENDPOINT}/stream`, { body: input });
    expect(response.headers.get('x-fal-request-id')).toMatch(UUID);
    const events = [];
    for await (const event of eventsOf(response)) events.push(event);
    expect(events.at(-1)).toMatchObject({ image: { width: 2 }, seed: 7 });
    const logs = events.slice(0, -1).flatMap(event => event.logs);
    expect(logs.length).toBeLessThanOrEqual(2);
  });

  test('breaks off where the work fails, and no sooner than it has said why', async () => {
    const { ask, engine } = served();
    engine.holds = true;
    const response = await ask(`${ENDPOINT}/stream`, { body: input });
    await expect.poll(() => engine.asked.length).toBe(1);
    engine.asked[0]!.fail(new CodeFormerError('INVALID_IMAGE', 'broken'));
    const events: unknown[] = [];
    await expect(
      (async () => {
        for await (const event of eventsOf(response)) events.push(event);
      })(),
    ).rejects.toThrow(/broken/);
    expect(events.at(-1)).toMatchObject({ status: 422, detail: [{ type: 'image_load_error' }] });
  });

  test('of bad input is no stream', async () => {
    const response = await served().ask(`${ENDPOINT}/stream`, { body: {} });
    expect([response.status, response.headers.get('content-type')]).toEqual([422, 'application/json']);
  });

  test('ends its job where the client leaves', async () => {
    const { ask, engine } = served();
    engine.holds = true;
    const response = await ask(`${ENDPOINT}/stream`, { body: input });
    await expect.poll(() => engine.asked.length).toBe(1);
    await response.body!.cancel();
    expect(engine.asked[0]!.signal.aborted).toBe(true);
  });
});

describe('bad input', () => {
  const NO_PICTURE = [{ loc: ['body', 'image_url'], msg: expect.any(String), type: 'image_load_error' }];
  const LITTLE = {
    loc: ['body', 'fidelity'],
    msg: 'Input should be greater than or equal to 0',
    type: 'greater_than_equal',
  };
  test.each([
    ['no image_url', {}, [{ loc: ['body', 'image_url'], msg: 'Field required', type: 'missing' }]],
    ['null for it', { image_url: null }, [{ loc: ['body', 'image_url'], type: 'missing' }]],
    ['a number for it', { image_url: 3 }, [{ loc: ['body', 'image_url'], type: 'string_type' }]],
    ['another scheme', { image_url: 'file:///etc/passwd' }, [{ loc: ['body', 'image_url'], type: 'url_scheme' }]],
    ['a key of the storage', { image_url: 'storage:results/x.png' }, [{ type: 'url_scheme' }]],
    ['fidelity 2', { ...input, fidelity: 2 }, [{ loc: ['body', 'fidelity'], type: 'less_than_equal' }]],
    ['fidelity -1', { ...input, fidelity: -1 }, [LITTLE]],
    ['a text for it', { ...input, fidelity: '0.5' }, [{ loc: ['body', 'fidelity'], type: 'float_type' }]],
    ['upscaling 0', { ...input, upscaling: 0 }, [{ loc: ['body', 'upscaling'], type: 'greater_than' }]],
    [
      'upscale_factor -1',
      { ...input, upscale_factor: -1 },
      [{ loc: ['body', 'upscale_factor'], type: 'greater_than' }],
    ],
    ['a text for a choice', { ...input, aligned: 'yes' }, [{ loc: ['body', 'aligned'], type: 'bool_type' }]],
    ['a broken seed', { ...input, seed: 1.5 }, [{ loc: ['body', 'seed'], type: 'int_type' }]],
    [
      'a format that there is not',
      { ...input, output_format: 'gif' },
      [{ loc: ['body', 'output_format'], type: 'literal_error' }],
    ],
    ['faces that are none', { ...input, faces: [0, -1] }, [{ loc: ['body', 'faces', 1], type: 'greater_than_equal' }]],
    ['other faces', { ...input, faces: 'first' }, [{ loc: ['body', 'faces'], type: 'value_error' }]],
    ['a face without number', { ...input, per_face: { a: {} } }, [{ loc: ['body', 'per_face', 'a'] }]],
    ['two faults', { fidelity: 2 }, [{ type: 'missing' }, { type: 'less_than_equal' }]],
    ['a list', [], [{ loc: ['body'], type: 'dict_type' }]],
    ['null', null, [{ loc: ['body'], type: 'dict_type' }]],
  ])('%s', async (_, body, detail) => {
    const { ask, engine } = served();
    for (const path of [ENDPOINT, QUEUE]) {
      const response = await ask(path, { body });
      const answer = await response.json();
      expect([response.status, answer]).toMatchObject([422, { detail }]);
      expect(answer.detail).toHaveLength(detail.length);
    }
    expect(engine.asked).toEqual([]);
  });

  test.each([
    ['no JSON', '{', 'application/json', 422, [{ loc: ['body'], msg: 'The body is no JSON', type: 'json_invalid' }]],
    [
      'another type of content',
      JSON.stringify(input),
      'text/plain',
      415,
      'Expected the header Content-Type: application/json',
    ],
    [
      'a form',
      'image_url=x',
      'application/x-www-form-urlencoded',
      415,
      'Expected the header Content-Type: application/json',
    ],
  ])('%s', async (_, body, type, status, detail) => {
    const response = await served().ask(ENDPOINT, { body, headers: { 'content-type': type } });
    expect([response.status, (await response.json()).detail]).toEqual([status, detail]);
  });

  test.each([
    ['that is not base64', 'data:image/png;base64,???', 422, /the data URI is not base64/],
    ['without a picture', 'data:text/html,<p>hello', 422, NO_PICTURE],
    ['that is empty', 'data:,', 422, NO_PICTURE],
    ['that is larger than a picture may be', `data:image/gif;base64,${'A'.repeat(4000)}`, 413, /too large/],
  ])('a data URI %s', async (_, image_url, status, detail) => {
    const { ask, engine } = served({ maxBytes: 1000 });
    const response = await ask(ENDPOINT, { body: { image_url } });
    const expected = detail instanceof RegExp ? expect.stringMatching(detail) : detail;
    expect([response.status, (await response.json()).detail]).toEqual([status, expected]);
    expect(engine.asked).toEqual([]);
  });

  test('a body above the limit', async () => {
    const response = await served({ maxBytes: 1000 }).ask(ENDPOINT, {
      body: input,
      headers: { 'content-length': '80000000' },
    });
    expect(response.status).toBe(413);
  });

  test('an address of a private network', async () => {
    const { ask } = served();
    for (const host of ['127.0.0.1', 'localhost', '169.254.169.254', '[::1]', '10.0.0.1']) {
      const response = await ask(ENDPOINT, { body: { image_url: `http://${host}/photo.jpg` } });
      expect([host, response.status]).toEqual([host, 422]);
      expect((await response.json()).detail).toMatch(/not on the public network/);
    }
  });

  test('a webhook that is none, and a timeout that is none', async () => {
    const { ask } = served();
    for (const url of ['nowhere', 'ftp://example.org', 'javascript:alert(1)']) {
      const response = await ask(`${QUEUE}?fal_webhook=${encodeURIComponent(url)}`, { body: input });
      expect([response.status, (await response.json()).detail[0].loc]).toEqual([422, ['query', 'fal_webhook']]);
    }
    const response = await ask(QUEUE, { body: input, headers: { 'x-fal-request-timeout': 'soon' } });
    expect(response.status).toBe(422);
  });

  test('ids that are none, and routes that are none', async () => {
    const { ask } = served();
    for (const path of [
      requestPath('00000000-0000-4000-8000-000000000000'),
      requestPath('x'),
      `${requestPath('..%2f..')}/status`,
      `${requestPath('x')}/status/stream`,
      '/fal-ai/other',
      '/files/results/..%2f..%2fpackage.json',
      `/files/inputs/${'a'.repeat(32)}`,
      '/nowhere',
    ]) {
      const response = await ask(path);
      expect([path, response.status]).toEqual([path, 404]);
      const { detail } = await response.json();
      expect(detail).toBeTypeOf('string');
    }
  });

  test('a storage that is full loses nothing that is there', async () => {
    const storage = folderStorage(await temporaryFolder());
    let full = false;
    const limited: Storage = {
      put: (...args) => (full ? Promise.reject(new StorageFullError()) : storage.put(...args)),
      get: key => storage.get(key),
      delete: key => storage.delete(key),
      list: prefix => storage.list(prefix),
      close: () => storage.close(),
    };
    const { ask, json, engine } = served({ storage: limited });
    const first = await json(ENDPOINT, { body: input });
    full = true;
    const refused = await ask(ENDPOINT, { body: input });
    expect([refused.status, (await refused.json()).detail]).toEqual([507, 'The storage is full']);
    full = false;
    engine.holds = true;
    const answer = ask(ENDPOINT, { body: input });
    await expect.poll(() => engine.asked.length).toBe(2);
    full = true;
    engine.asked[1]!.finish();
    expect((await answer).status).toBe(507);
    expect((await ask(new URL(first.image.url).pathname)).status).toBe(200);
  });
});

describe('keys', () => {
  const keys = ['first-key', 'second-key'];

  test('are needed for all that costs something', async () => {
    const { ask, engine } = served({ keys });
    const id = '00000000-0000-4000-8000-000000000000';
    for (const [path, asking] of [
      [ENDPOINT, { body: input }],
      [`${ENDPOINT}/stream`, { body: input }],
      [QUEUE, { body: input }],
      [requestPath(id), {}],
      [`${requestPath(id)}/status`, {}],
      [`${requestPath(id)}/cancel`, { method: 'PUT' }],
      ['/storage/upload/initiate', { body: {} }],
      ['/storage/upload/initiate-multipart', { body: {} }],
      ['/storage/auth/token', { body: {} }],
      ['/files/upload', { body: GIF }],
      ['/tokens/', { body: {} }],
      ['/nowhere', {}],
    ] as const) {
      for (const headers of [
        {},
        { authorization: 'Key wrong' },
        { authorization: 'first-key' },
        { authorization: 'Basic x' },
        { authorization: 'Bearer .9999999999999.x' },
      ]) {
        const response = await ask(path, { ...asking, headers: { 'content-type': 'application/json', ...headers } });
        expect([path, response.status]).toEqual([path, 401]);
      }
    }
    expect(engine.asked).toEqual([]);
    for (const path of ['/health', '/ready', '/openapi.json', '/metrics']) expect((await ask(path)).status).toBe(200);
  });

  test('let in, by both names of their scheme', async () => {
    const { ask } = served({ keys });
    for (const authorization of ['Key first-key', 'key second-key', 'Bearer first-key'])
      expect((await ask(ENDPOINT, { body: input, headers: { authorization } })).status).toBe(200);
  });

  test('hide the requests of others', async () => {
    const { ask, json, submit, engine } = served({ keys });
    engine.holds = true;
    const id = await submit({}, { key: 'first-key' });
    await expect.poll(() => engine.asked.length).toBe(1);
    expect((await ask(`${requestPath(id)}/status`, { key: 'first-key' })).status).toBe(202);
    for (const path of [requestPath(id), `${requestPath(id)}/status`, `${requestPath(id)}/status/stream`]) {
      const response = await ask(path, { key: 'second-key' });
      expect([response.status, await response.json()]).toMatchObject([404, { detail: 'There is no such request' }]);
    }
    expect(await json(`${requestPath(id)}/cancel`, { method: 'PUT', key: 'second-key' })).toEqual({
      status: 'NOT_FOUND',
    });
    expect(engine.asked[0]!.signal.aborted).toBe(false);
  });

  test('share the queue in turn', async () => {
    const { submit, json, engine } = served({ keys });
    engine.holds = true;
    for (let i = 0; i < 3; i++) await submit({}, { key: 'first-key' });
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await submit({}, { key: 'first-key' }));
    const other = await submit({}, { key: 'second-key' });
    const position = async (id: string, key: string) =>
      (await json(`${requestPath(id)}/status`, { key })).queue_position;
    expect(await position(other, 'second-key')).toBe(1);
    expect(await Promise.all(ids.map(id => position(id, 'first-key')))).toEqual([0, 2, 3]);
  });

  test('have an allowance each', async () => {
    const { ask } = served({ keys, uploadBytesPerHour: 2.5 * GIF.length });
    const statusWith = async (key: string) => (await ask(ENDPOINT, { body: input, key })).status;
    expect([await statusWith('first-key'), await statusWith('first-key')]).toEqual([200, 200]);
    const refused = await ask('/files/upload', { body: GIF, key: 'first-key' });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await statusWith('second-key')).toBe(200);
  });

  test('sign tokens, which end', async () => {
    const { json, ask } = served({ keys });
    const token = await json('/tokens/', { body: {}, key: 'first-key' });
    expect((await ask(`${ENDPOINT}/stream?fal_jwt_token=${token}`, { body: input })).status).toBe(200);
    const [owner, expires, signature] = token.split('.');
    for (const forged of [
      `${owner}.${Number(expires) + 1}.${signature}`,
      `x.${expires}.${signature}`,
      `${owner}.1.${signature}`,
      '..',
    ])
      expect((await ask(`${ENDPOINT}/stream?fal_jwt_token=${forged}`, { body: input })).status).toBe(401);
  });

  test('that no header could have are refused', () => {
    expect(() => served({ keys: ['with space'] })).toThrow(/Expected ASCII without spaces for a key/);
  });
});

describe('uploads', () => {
  test('are announced and put, and are pictures of requests', async () => {
    const { json, ask, engine } = served({ keys: ['secret'] });
    const announced = { file_name: '../../evil.php', content_type: 'text/html' };
    const { upload_url, file_url } = await json('/storage/upload/initiate?storage_type=fal-cdn-v3', {
      body: announced,
      key: 'secret',
    });
    expect(file_url).toMatch(/^http:\/\/server\.example\/files\/uploads\/[\w-]{32}$/);
    const url = new URL(upload_url);
    expect((await ask(url.pathname + url.search, { method: 'PUT', body: GIF })).status).toBe(200);
    const file = await ask(new URL(file_url).pathname);
    // By its content, whatever its sender calls it.
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'image/gif']);
    expect(Buffer.from(await file.arrayBuffer())).toEqual(GIF);
    expect((await ask(ENDPOINT, { body: { image_url: file_url }, key: 'secret' })).status).toBe(200);
    expect(Buffer.from(engine.asked[0]!.photo)).toEqual(GIF);
    // A result is one as well.
    const { image } = await json(ENDPOINT, { body: { image_url: file_url }, key: 'secret' });
    expect((await ask(ENDPOINT, { body: { image_url: image.url }, key: 'secret' })).status).toBe(200);
    expect(Buffer.from(engine.asked[2]!.photo)).toEqual(RESULT);
  });

  test('are put only where they were announced', async () => {
    const { json, ask } = served({ keys: ['secret'] });
    const { upload_url } = await json('/storage/upload/initiate', { body: {}, key: 'secret' });
    const url = new URL(upload_url);
    const other = url.pathname.replace(/[^/]+$/, 'x'.repeat(32));
    const late = url.search.replace(/expires=\d+/, 'expires=9999999999999');
    for (const path of [
      other + url.search,
      url.pathname,
      url.pathname + late,
      url.pathname.replace('put', 'parts') + url.search,
    ])
      expect((await ask(path, { method: 'PUT', body: GIF })).status).toBeGreaterThanOrEqual(403);
  });

  test('that are no pictures are nothing to look at', async () => {
    const { json, ask } = served();
    const { access_url } = await json('/files/upload', {
      body: '<script>alert(1)</script>',
      headers: { 'content-type': 'text/html' },
    });
    const { headers } = await ask(new URL(access_url).pathname);
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-disposition')).toBe('attachment');
    expect(headers.get('content-security-policy')).toContain('sandbox');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('above the limit are refused, announced or not', async () => {
    const { ask } = served({ maxBytes: 1000 });
    expect((await ask('/files/upload', { body: new Uint8Array(1001) })).status).toBe(413);
    // Clients choose this way for 90 MB and more.
    for (const path of ['/storage/upload/initiate-multipart', '/files/upload/multipart']) {
      const response = await ask(path, { body: {} });
      expect([response.status, (await response.json()).detail]).toEqual([
        413,
        'The file is too large: more than 1000 bytes',
      ]);
    }
  });

  test('in parts, as the client for JavaScript makes them', async () => {
    const { ask, json } = served({ maxBytes: 200_000_000 });
    const { upload_url, file_url } = await json('/storage/upload/initiate-multipart', { body: { file_name: 'a.gif' } });
    const url = new URL(upload_url);
    const parts = [];
    // The last one first: they are put together by their numbers.
    for (const [number, bytes] of [
      [2, GIF.subarray(20)],
      [1, GIF.subarray(0, 20)],
    ] as const)
      parts.push(await json(`${url.pathname}/${number}${url.search}`, { method: 'PUT', body: bytes }));
    expect(parts).toEqual([
      { partNumber: 2, etag: expect.any(String) },
      { partNumber: 1, etag: expect.any(String) },
    ]);
    expect((await ask(`${url.pathname}/complete${url.search}`, { body: { parts } })).status).toBe(200);
    expect(Buffer.from(await (await ask(new URL(file_url).pathname)).arrayBuffer())).toEqual(GIF);
  });

  test('in parts, as the client for Python makes them', async () => {
    const { ask, json } = served({ maxBytes: 200_000_000, keys: ['secret'] });
    const { token, token_type, base_url, expires_at } = await json('/storage/auth/token?storage_type=fal-cdn-v3', {
      body: {},
      key: 'secret',
    });
    expect([base_url, token_type]).toEqual(['http://server.example', 'Bearer']);
    // Older versions of Python read no other form.
    expect(expires_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/);
    const headers = { authorization: `${token_type} ${token}` };
    const { access_url, uploadId } = await json('/files/upload/multipart', { body: '', headers });
    const path = new URL(access_url).pathname;
    for (const [number, bytes] of [
      [1, GIF.subarray(0, 20)],
      [2, GIF.subarray(20)],
    ] as const) {
      const response = await ask(`${path}/multipart/${uploadId}/${number}`, { method: 'PUT', body: bytes, headers });
      expect(response.headers.get('etag')).toMatch(/^".+"$/);
    }
    const wrong = await ask(`${path}/multipart/${'x'.repeat(43)}/complete`, { body: {}, headers });
    expect(wrong.status).toBe(404);
    expect((await ask(`${path}/multipart/${uploadId}/complete`, { body: {}, headers })).status).toBe(200);
    expect(Buffer.from(await (await ask(path)).arrayBuffer())).toEqual(GIF);
  });
});

describe('addresses', () => {
  const submitted = async (url: string, options = {}, headers: Record<string, string> = {}, remoteAddress?: string) => {
    const { handler } = served(options);
    const request = new Request(url, {
      method: 'POST',
      body: JSON.stringify(input),
      headers: { 'content-type': 'application/json', ...headers },
    });
    const response = await handler(request, { remoteAddress });
    return { status: response.status, ...((await response.json()) as { response_url?: string }) };
  };
  const at = (base: string) => ({ response_url: expect.stringMatching(`^${base}/fal-ai/codeformer/requests/`) });

  test.each([
    ['a path of the queue', 'http://a.example:8080/queue/fal-ai/codeformer', {}, {}, 'http://a.example:8080/queue'],
    ['a host of the queue', 'https://queue.a.example/fal-ai/codeformer', {}, {}, 'https://queue.a.example'],
    [
      'below a path',
      'http://a.example/restore/queue/fal-ai/codeformer',
      { basePath: '/restore' },
      {},
      'http://a.example/restore/queue',
    ],
    [
      'a public address',
      'http://10.0.0.1/queue/fal-ai/codeformer',
      { publicUrl: 'https://faces.example/' },
      {},
      'https://faces.example/queue',
    ],
    [
      'the target of a proxy',
      'http://a.example/api/proxy',
      {},
      { 'x-fal-target-url': 'https://queue.fal.run/fal-ai/codeformer' },
      'http://a.example/queue',
    ],
    [
      'who forwards, unasked',
      'http://a.example/queue/fal-ai/codeformer',
      {},
      { 'x-forwarded-host': 'evil.example' },
      'http://a.example/queue',
    ],
  ])('%s', async (_, url, options, headers, base) => {
    expect(await submitted(url, options, headers)).toMatchObject(at(base));
  });

  test('of proxies that are trusted are believed', async () => {
    const trustedProxies = ['10.0.0.0/8', '::1'];
    const headers = {
      'x-forwarded-host': 'faces.example, inner',
      'x-forwarded-proto': 'https',
      'x-forwarded-prefix': '/restore',
    };
    const url = 'http://a.example/queue/fal-ai/codeformer';
    for (const [remote, base] of [
      ['10.1.2.3', 'https://faces.example/restore/queue'],
      ['::ffff:10.1.2.3', 'https://faces.example/restore/queue'],
      ['::1', 'https://faces.example/restore/queue'],
      ['11.1.2.3', 'http://a.example/queue'],
      [undefined, 'http://a.example/queue'],
    ] as const)
      expect(await submitted(url, { trustedProxies }, headers, remote)).toMatchObject(at(base));
    const broken = { 'x-forwarded-host': 'a b/"', 'x-forwarded-proto': 'javascript' };
    expect(await submitted(url, { trustedProxies }, broken, '::1')).toMatchObject(at('http://a.example/queue'));
  });

  test('that are none are refused', () => {
    expect(() => served({ trustedProxies: ['10.0.0.0/99'] })).toThrow(/10\.0\.0\.0\/99/);
    expect(() => served({ trustedProxies: ['proxy'] })).toThrow(/proxy/);
    expect(() => served({ basePath: 'restore' })).toThrow(/restore/);
    expect(() => served({ publicUrl: 'faces.example' })).toThrow(/faces\.example/);
  });

  test('another name than that of the server', async () => {
    const { handler } = served({ hosts: ['localhost', '[::1]'] });
    const statusAt = async (host: string) => (await handler(new Request(`http://${host}/health`))).status;
    expect(await statusAt('localhost:8080')).toBe(200);
    expect(await statusAt('queue.localhost')).toBe(200);
    expect(await statusAt('[::1]:8080')).toBe(200);
    expect(await statusAt('evil.example')).toBe(403);
  });
});

describe('headers', () => {
  test('of every answer keep it from being more than it is', async () => {
    const { ask } = served();
    for (const path of ['/health', '/nowhere', '/openapi.json']) {
      const { headers } = await ask(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-fal-request-id')).toMatch(UUID);
      expect(headers.get('access-control-allow-origin')).toBe(null);
    }
  });

  test('let pages of some origins in', async () => {
    const { ask } = served({ cors: ['https://page.example'], keys: ['secret'] });
    const preflight = await ask(ENDPOINT, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://page.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization');
    const allowed = await ask('/health', { headers: { origin: 'https://page.example' } });
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://page.example');
    expect(allowed.headers.get('access-control-expose-headers')).toContain('x-fal-request-id');
    const other = await ask('/health', { headers: { origin: 'https://other.example' } });
    expect(other.headers.get('access-control-allow-origin')).toBe(null);
    const refused = await ask(ENDPOINT, { body: input, headers: { origin: 'https://page.example' } });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, 'https://page.example']);
  });
});

describe('the rest', () => {
  test('/openapi.json describes what is checked', async () => {
    const { json } = served();
    const { openapi, servers, paths, components } = await json('/openapi.json');
    expect([openapi, servers]).toEqual(['3.1.0', [{ url: 'http://server.example' }]]);
    expect(Object.keys(paths)).toContain(ENDPOINT);
    const { properties, required } = components.schemas.CodeformerInput;
    expect(required).toEqual(['image_url']);
    expect(properties.fidelity).toMatchObject({ type: 'number', minimum: 0, maximum: 1, default: 0.5 });
    // Each reference leads somewhere.
    const text = JSON.stringify({ paths, components });
    for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g))
      expect(components.schemas).toHaveProperty(name!);
  });

  test('/metrics counts by routes, not by ids', async () => {
    const { ask, submit } = served();
    const id = await submit();
    await expect.poll(async () => (await ask(`${requestPath(id)}/status`)).status).toBe(200);
    await ask('/nowhere/else');
    const text = await (await ask('/metrics')).text();
    expect(text).toContain(
      `codeformer_http_requests_total{method="GET",route="${QUEUE}/requests/:id/status",status="200"}`,
    );
    expect(text).toContain('codeformer_http_requests_total{method="GET",route="none",status="404"} 1');
    expect(text).toContain('codeformer_jobs_total{outcome="done"} 1');
    expect(text).toContain('codeformer_engine_info{adapter="pretended",model="none"} 1');
    expect(text).not.toContain(id);
  });

  test('/ready waits for the engine', async () => {
    const engine = new PretendedEngine();
    const { info } = engine;
    Object.assign(engine, { info: undefined });
    const { ask } = served({}, engine);
    expect((await ask('/ready')).status).toBe(503);
    Object.assign(engine, { info });
    expect((await ask('/ready')).status).toBe(200);
  });

  test('/ serves the page, and nothing but its files', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'page/lab'), { recursive: true });
    await writeFile(join(folder, 'secret.txt'), 'secret');
    await writeFile(join(folder, 'page/index.html'), '<title>page</title>');
    await writeFile(join(folder, 'page/lab/index.html'), '<title>lab</title>');
    await writeFile(join(folder, 'page/main.js'), 'export {};');
    const { ask } = served({ page: join(folder, 'page'), keys: ['secret'] });
    const page = await ask('/');
    expect([await page.text(), page.headers.get('content-type')]).toEqual([
      '<title>page</title>',
      'text/html; charset=utf-8',
    ]);
    expect(page.headers.get('content-security-policy')).toBe("frame-ancestors 'self'");
    expect(await (await ask('/lab/')).text()).toBe('<title>lab</title>');
    expect((await ask('/main.js')).headers.get('content-security-policy')).toContain('script-src');
    for (const path of ['/secret.txt', '/..%2fsecret.txt', '/%2e%2e/secret.txt', '/lab'])
      expect((await ask(path)).status).toBe(401);
    const without = served({ page: join(folder, 'nowhere') });
    expect((await without.ask('/')).status).toBe(404);
    expect((await without.ask('/weights/detector.safetensors')).status).toBe(404);
  });

  test('/ tells the page that a server has sent it, and has the weights of the package', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'index.html'), '<!doctype html><html lang="en"><title>page</title>');
    const { ask } = served({ page: folder });
    expect(await (await ask('/')).text()).toBe('<!doctype html><html data-server lang="en"><title>page</title>');
    const weights = await ask('/weights/detector.safetensors');
    expect(weights.headers.get('content-type')).toBe('application/octet-stream');
    const file = await readFile(new URL('../../weights/detector.safetensors', import.meta.url));
    expect(Buffer.from(await weights.arrayBuffer()).equals(file)).toBe(true);
  });

  test('pictures that came with requests go with them', async () => {
    const folder = await temporaryFolder();
    const { ask, engine } = served({ storage: folder });
    engine.holds = true;
    const answer = ask(ENDPOINT, { body: input });
    await expect.poll(() => engine.asked.length).toBe(1);
    expect(await readdir(join(folder, 'inputs'))).toHaveLength(1);
    engine.asked[0]!.finish();
    await answer;
    await expect.poll(() => readdir(join(folder, 'inputs'))).toEqual([]);
    expect(await readdir(join(folder, 'results'))).toHaveLength(1);
  });

  test('a server that ends answers those that wait, and its temporary files go', async () => {
    const { ask, engine, handler, submit, json } = served({ queueLimit: 9 });
    engine.holds = true;
    const ids = [await submit(), await submit(), await submit()];
    const waiting = ask(ENDPOINT, { body: input });
    await expect.poll(() => engine.asked.length).toBe(3);
    const closing = handler.close({ deadline: 5000 });
    expect((await waiting).status).toBe(503);
    expect((await ask('/ready')).status).toBe(503);
    const refused = await ask(ENDPOINT, { body: input });
    expect([refused.status, (await refused.json()).detail]).toEqual([503, 'The server is stopping']);
    // Those that run end.
    for (const asked of engine.asked) asked.finish();
    await closing;
    for (const id of ids) expect((await json(`${requestPath(id)}/status`)).error).toBe(undefined);
    expect(engine.closed).toBe(true);
  });

  test('a storage that cannot be opened is an answer, and an error of ready()', async () => {
    const { ask, handler } = served({ storage: 'ftp://nowhere' });
    const response = await ask('/health');
    expect([response.status, await response.json()]).toEqual([503, { detail: 'The server could not start' }]);
    await expect(handler.ready()).rejects.toThrow(/ftp/);
    expect(existsSync('ftp:')).toBe(false);
  });
});
