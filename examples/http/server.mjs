// Restores the photo that is posted: curl --data-binary @in.jpg http://localhost:8080/ > out.png

import { createServer } from 'node:http';
import { CodeFormerError, createRestorer } from 'codeformer-webgpu';

/** Bytes of a photo that are taken. */
const LARGEST = 20_000_000;

/** What the sender did wrong. The other codes are faults of the server. */
const STATUS = { INVALID_IMAGE: 415, IMAGE_TOO_LARGE: 413 };

const restorer = await createRestorer();

const server = createServer(async (request, response) => {
  // Whoever goes away needs no picture.
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    if (request.method !== 'POST') return void response.writeHead(405, { allow: 'POST' }).end();
    const parts = [];
    let bytes = 0;
    for await (const part of request) {
      bytes += part.length;
      if (bytes > LARGEST) return void response.writeHead(413, { connection: 'close' }).end();
      parts.push(part);
    }
    const options = { output: 'png', maxPixels: 30_000_000, signal: gone.signal };
    const { image } = await restorer.restore(Buffer.concat(parts), options);
    response.writeHead(200, { 'content-type': 'image/png' }).end(image);
  } catch (error) {
    if (gone.signal.aborted) return;
    const status = error instanceof CodeFormerError ? (STATUS[error.code] ?? 500) : 500;
    response.writeHead(status, { 'content-type': 'text/plain' }).end(`${error.code ?? 'UNKNOWN'}\n`);
    if (status === 500) console.error(error);
  }
});

server.listen(process.env.PORT ?? 8080, () => console.log(`http://localhost:${server.address().port}/`));

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
    restorer.destroy();
  });
