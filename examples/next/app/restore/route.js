// Restores the photo that is posted, on the server: curl --data-binary @in.jpg http://localhost:3000/restore > out.png

import { CodeFormerError, createRestorer } from 'codeformer-webgpu';

let restorer;

export async function POST(request) {
  restorer ??= createRestorer();
  try {
    const photo = await request.arrayBuffer();
    const { image } = await (await restorer).restore(photo, { output: 'png', signal: request.signal });
    return new Response(image, { headers: { 'content-type': 'image/png' } });
  } catch (error) {
    if (error instanceof CodeFormerError && error.code === 'INVALID_IMAGE') return new Response(null, { status: 415 });
    throw error;
  }
}
