// In CommonJS the package is imported: Node gives it to `require` as well, but jest does not.

const { readFile } = require('node:fs/promises');

test('restores a face', async () => {
  const { createRestorer } = await import('codeformer-webgpu');
  const restorer = await createRestorer();
  const { faces } = await restorer.restore(await readFile('photo.jpg'), { output: 'png' });
  expect(faces).toHaveLength(1);
  await restorer.destroy();
}, 60_000);
