// Files of weights of the smallest networks, as pages load them.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatedWeights, networkTensors } from '../../src/models/networks.js';
import { writeSafetensors } from '../../src/weights/safetensors.js';
import type { Weights } from '../../src/weights/weights.js';
import { TINY } from '../tiny.js';
import { dictItem, storageOf, tensorItem, zipCheckpoint } from '../weights/torch-files.js';
import { sendBytes, serveProject, type TestServer } from './server.js';

/** A restoring network with crops of 32x32, as safetensors. */
export const tinyRestorer = (seed = 1): Promise<Uint8Array> => fileOf(generatedWeights('codeformer', TINY, seed));

async function fileOf(weights: Weights): Promise<Uint8Array> {
  const tensors = weights.names().map(async name => {
    const data = await weights.float32(name);
    return { name, dtype: 'float32', shape: weights.shape(name), data } as const;
  });
  return writeSafetensors(await Promise.all(tensors), weights.metadata);
}

/**
 * Serves a page that was built, its restorer and upscaler replaced by small ones: what they make is noise, but in no time. Faces are
 * found as usual.
 * @param folder of the page
 */
export async function serveTiny(folder: string): Promise<TestServer> {
  const server = await serveProject(folder);
  const files: Readonly<Record<string, Uint8Array>> = {
    restorer: await tinyRestorer(),
    upscaler: await fileOf(generatedWeights('residual-upscaler', { channels: 8, blocks: 1 }, 1)),
  };
  const manifest = JSON.parse(await readFile(join(folder, 'weights/manifest.json'), 'utf8'));
  for (const file of manifest.files) {
    const bytes = files[file.role];
    if (!bytes) continue;
    Object.assign(file, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    // What was recorded of the others.
    delete file.check;
    delete file.range;
    server.routes.set(`/weights/${file.file}`, (request, response) => sendBytes(request, response, bytes));
  }
  const text = Buffer.from(JSON.stringify(manifest));
  server.routes.set('/weights/manifest.json', (request, response) => sendBytes(request, response, text));
  return server;
}

/** An upscaler by 2, as a checkpoint of PyTorch. */
export async function tinyUpscaler(): Promise<Uint8Array> {
  const config = { blocks: 1, channels: 8, growth: 4 };
  const weights = generatedWeights('rrdbnet', config, 1);
  const storages: ReturnType<typeof storageOf>[] = [];
  const items: Record<string, ReturnType<typeof tensorItem>> = {};
  for (const [name, shape] of networkTensors('rrdbnet', config)) {
    const storage = storageOf(String(storages.length), 'FloatStorage', await weights.float32(name));
    storages.push(storage);
    items[name] = tensorItem(storage, shape);
  }
  return zipCheckpoint(dictItem({ params_ema: dictItem(items) }), storages);
}
