// Files of weights of the smallest networks, as pages load them.

import { generatedWeights, networkTensors } from '../../src/models/networks.js';
import { writeSafetensors } from '../../src/weights/safetensors.js';
import { TINY } from '../tiny.js';
import { dictItem, storageOf, tensorItem, zipCheckpoint } from '../weights/torch-files.js';

/** A restoring network with crops of 32x32, as safetensors. */
export async function tinyRestorer(): Promise<Uint8Array> {
  const weights = generatedWeights('codeformer', TINY, 1);
  const tensors = weights.names().map(async name => {
    const data = await weights.float32(name);
    return { name, dtype: 'float32', shape: weights.shape(name), data } as const;
  });
  return writeSafetensors(await Promise.all(tensors), weights.metadata);
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
