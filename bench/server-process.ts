// The server of the bench, in a process of its own: its clients are in another one. `--replaced` has an engine that does nothing,
// `--plain` is no server of this project but the least there is,
// `--folder DIR` is where jobs and files are.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createHandler } from '../src/server/app.js';
import { listen } from '../src/server/listen.js';

const { values } = parseArgs({
  options: {
    replaced: { type: 'boolean' },
    plain: { type: 'boolean' },
    folder: { type: 'string' },
    adapter: { type: 'string' },
  },
});
const folder = values.folder!;
const replaced = fileURLToPath(new URL('../bench/replaced-engine.mjs', import.meta.url));
const built = fileURLToPath(new URL('../dist/engine-process.js', import.meta.url));
/** The least that a server does with such a request: it reads it, takes the picture out of it, and writes a file. */
async function plain(request: Request): Promise<Response> {
  if (request.method !== 'POST') return Response.json({});
  const { image_url } = (await request.json()) as { image_url: string };
  const bytes = Buffer.from(image_url.slice(image_url.indexOf(',') + 1), 'base64');
  await writeFile(join(folder, 'plain.png'), bytes);
  return Response.json({ size: bytes.length });
}

const handler = createHandler({
  storage: join(folder, 'files'),
  queue: join(folder, 'jobs'),
  engine: values.replaced ? { program: replaced } : { program: built, adapter: values.adapter as 'software' },
  allowPrivateUrls: true,
});
await handler.ready();
const server = await listen(values.plain ? plain : handler, {
  port: 0,
});

/** What the clients are told: the address first, then memory and processor time whenever they ask. */
const tell = (message: object) => process.send!(message);

process.on('message', () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  tell({ rss, heap: heapUsed + external, cpu: user + system });
});
process.on('disconnect', async () => {
  await server.close();
  await handler.close({ deadline: 0 });
  process.exit();
});
tell({ url: server.url });
