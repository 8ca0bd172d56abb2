// Writes the layers of the official geometry for `pytorch.py`: `node scripts/run.mjs bench/gpu-layers.ts FOLDER`.

import { OFFICIAL_CONFIG } from '../src/models/codeformer/tensors.js';
import { generatedWeights } from '../src/models/networks.js';
import { codeformerLayers, writeLayers } from './layers.js';
import { randomValues } from './measure.js';

const weights = generatedWeights('codeformer', OFFICIAL_CONFIG, 7);
const layers = await codeformerLayers(OFFICIAL_CONFIG, weights, 0.5);
await writeLayers(process.argv[2]!, layers, randomValues(3 * layers.size ** 2, 1));
