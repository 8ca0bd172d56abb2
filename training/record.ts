// Writes into the manifest what the self-test expects of the embedded weights; to be run where those change:
// `node scripts/run.mjs training/record.ts`.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NETWORKS } from '../src/models/networks.js';
import { embeddedWeights } from '../src/node/embedded.js';
import { createDevice } from '../src/node/gpu.js';
import { openWeights } from '../src/node/weights.js';
import { measure, peakOf } from '../src/selftest/networks.js';

const { folder, manifest } = await embeddedWeights();
const device = await createDevice({ adapter: 'wasm' });
const files = [];
for (const entry of manifest.files) {
  const { role } = entry;
  const network = await NETWORKS[entry.network as keyof typeof NETWORKS].load(
    device,
    await openWeights('embedded', { role }),
  );
  const { codes, values } = await measure(role, network as never, undefined);
  const check = { ...(codes && { codes: codes.join(' ') }), values: values.join(' ') };
  // Other pictures may go a little further.
  const range = Math.ceil(1.5 * (await peakOf(role, network as never)));
  const { card, ...others } = entry;
  files.push({ ...others, range, check, card });
  network.destroy();
}
device.destroy();
await writeFile(join(folder, 'manifest.json'), `${JSON.stringify({ ...manifest, files }, null, 2)}\n`);
