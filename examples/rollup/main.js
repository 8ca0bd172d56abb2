import { createRestorer } from 'codeformer-webgpu/client';

// The build puts the worker and the weights beside the page.
const worker = () => new Worker('worker.js', { type: 'module' });
const restorer = await createRestorer({ worker, weightsBase: 'weights/' });
const [input, output] = document.querySelectorAll('input, img');

input.disabled = false;
input.addEventListener('change', async () => {
  const { image } = await restorer.restore(input.files[0], { output: 'png' });
  output.src = URL.createObjectURL(new Blob([image], { type: 'image/png' }));
});
