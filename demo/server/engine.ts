// The server as what makes the pictures of a session. It finds the faces itself, so that none are known here.

import type { EncodedType, Picture, Progress } from '../../src/web/client.js';
import type { Engine, Prepared, Rendered, RenderRequest } from '../session.js';
import { pause, type ServerClient, type Status } from './client.js';

/** Milliseconds without another change after which the server is asked. */
const REST = 400;

/** What the server is told of the settings. */
function inputOf(url: string, request: RenderRequest): object {
  const {
    fidelity,
    strength,
    upscaling,
    neverWorse,
    faceUpscale,
    onlyCenterFace,
    metadata = 'keep',
    output = 'png',
  } = request;
  return {
    ...{ image_url: url, fidelity, strength, upscaling, never_worse: neverWorse, output_format: output },
    ...{ face_upscale: faceUpscale, only_center_face: onlyCenterFace, metadata },
  };
}

/** @param follow gets each status of a request */
export function serverEngine(client: ServerClient, follow: (status: Status) => void): Engine {
  return {
    info: null,
    detect: async () => [],
    prepare: async (photo, { signal }) => prepared(client, await client.upload(photo, signal), follow),
    destroy: async () => {},
  };
}

function prepared(client: ServerClient, url: string, follow: (status: Status) => void): Prepared {
  let last: { readonly input: string; readonly file: Blob } | null = null;
  const file = async (request: RenderRequest): Promise<Blob> => {
    const input = inputOf(url, request);
    const key = JSON.stringify(input);
    if (last?.input === key) return last.file;
    if (last && !request.output) await pause(REST, request.signal);
    const advance = (status: Status) => {
      follow(status);
      request.onProgress?.(progressOf(status));
    };
    const made = await client.restore(input, advance, request.signal);
    // To be saved, and shown again.
    if (made.type === 'image/png') last = { input: key, file: made };
    return made;
  };
  function render(request: RenderRequest & { readonly output: EncodedType }): Promise<{ readonly image: Uint8Array }>;
  function render(request: RenderRequest & { readonly output?: undefined }): Promise<Rendered>;
  async function render(request: RenderRequest): Promise<Rendered | { readonly image: Uint8Array }> {
    const blob = await file(request);
    if (request.output) return { image: new Uint8Array(await blob.arrayBuffer()) };
    const image = await pixelsOf(blob);
    return { image, width: image.width, height: image.height, faces: [], warnings: [] };
  }
  return { faces: [], render, destroy() {} };
}

/** How far a request is by the last face that its log names. */
function progressOf({ logs, status }: Status): Progress {
  const lines = logs ?? [];
  const at = lines.findLastIndex(({ message }) => /face \d+ of \d+/.test(message));
  const progress = (share: number, face = 0, faces = 0): Progress => ({
    stage: 'restore',
    face,
    faces,
    share,
    done: share,
  });
  if (at < 0) return progress(status === 'IN_QUEUE' ? 0 : 0.1);
  const [face, faces] = lines[at]!.message.match(/\d+/g)!.map(Number) as [number, number];
  return progress(at === lines.length - 1 ? 0.2 + (0.6 * (face - 1)) / faces : 0.9, face, faces);
}

async function pixelsOf(file: Blob): Promise<Picture> {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { data: context.getImageData(0, 0, width, height).data, width, height };
}
