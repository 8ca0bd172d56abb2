// Works on WebAssembly, keeps the device or destroys it while it works, and does nothing more: for the test that the process ends then.

import { CodeFormer } from '../src/models/codeformer/codeformer.js';
import { generatedWeights } from '../src/models/networks.js';
import { createDevice } from '../src/node/gpu.js';
import { TINY } from './tiny.js';

const device = await createDevice({ adapter: 'wasm', threads: 2 });
const net = await CodeFormer.load(device, generatedWeights('codeformer', TINY, 5));
const input = new Float32Array(3 * net.size ** 2);
const { indices } = await net.encode(input);
const work = process.argv.includes('destroy') ? net.encode(input, { onProgress: () => device.destroy() }) : null;
const code = await work?.then(
  () => 'nothing',
  (error: { code?: string }) => error.code,
);
console.log(JSON.stringify({ codes: indices.length, code }));
