// node dist/restore.js in.jpg out.png

import { readFile, writeFile } from 'node:fs/promises';
import { CodeFormerError, createRestorer, type RestoredFace } from 'codeformer-webgpu';

const [input, output] = process.argv.slice(2);
if (!input || !output) throw new Error('Usage: node dist/restore.js IN OUT');

const restorer = await createRestorer();
try {
  const { image, faces } = await restorer.restore(await readFile(input), { fidelity: 0.7, output: 'png' });
  await writeFile(output, image);
  console.log(faces.map(({ box, score }: RestoredFace) => `${box.join(' ')}: ${score}`).join('\n'));
} catch (error) {
  if (!(error instanceof CodeFormerError) || error.code !== 'INVALID_IMAGE') throw error;
  console.error(`${input} is no picture`);
  process.exitCode = 1;
} finally {
  await restorer.destroy();
}
