import { createRestorer } from 'codeformer-webgpu/client';

const restorer = await createRestorer();
const [input, output] = document.querySelectorAll('input, img');

input.disabled = false;
input.addEventListener('change', async () => {
  const { image } = await restorer.restore(input.files[0], { output: 'png' });
  output.src = URL.createObjectURL(new Blob([image], { type: 'image/png' }));
});
