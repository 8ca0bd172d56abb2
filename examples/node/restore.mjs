// node restore.mjs in.jpg out.png

import { readFile, writeFile } from 'node:fs/promises';
import { createRestorer } from 'codeformer-webgpu';

const [input, output] = process.argv.slice(2);
const restorer = await createRestorer();
try {
  const { image, faces } = await restorer.restore(await readFile(input), { output: 'png' });
  await writeFile(output, image);
  console.log(`${faces.length} faces`);
} finally {
  await restorer.destroy();
}
