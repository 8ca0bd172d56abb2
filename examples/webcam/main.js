import { createRestorer } from 'codeformer-webgpu';
import { FaceTrack } from './face-track.js';

const [camera, file] = document.querySelectorAll('button, input');
const video = document.querySelector('video');
const canvas = document.querySelector('canvas');
const output = document.querySelector('output');

// A device of the page's own: frames are imported on it and results drawn there. Without one WebAssembly works on pixels in memory.
const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
const faster = ['shader-f16', 'subgroups'].filter(feature => adapter?.features.has(feature));
const device = await adapter?.requestDevice({ requiredFeatures: faster });
const context = canvas.getContext(device ? 'webgpu' : '2d');
if (device) context.configure({ device, format: navigator.gpu.getPreferredCanvasFormat() });
output.value = 'Loading';
const restorer = await createRestorer(device ? { device } : { adapter: 'wasm' });
output.value = '';

const area = ({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top);
const largest = faces => faces.toSorted((a, b) => area(b) - area(a))[0];

/** Draws a frame with one face restored, or none; returns the codes of the face. */
async function draw(frame, found) {
  const faces = found ? [{ landmarks: found.landmarks }] : [];
  const indices = found?.indices ? { 0: found.indices } : {};
  // Whether the frame is sharp enough to be left alone would change from one to the next.
  const options = { faces, indices, upscaling: 1, neverWorse: false, grayscale: false };
  if (device) return (await restorer.restoreInto(frame, canvas, options)).faces[0]?.indices;
  const { image, width, height, faces: restored } = await restorer.restore(frame, options);
  Object.assign(canvas, { width, height });
  context.drawImage(image, 0, 0);
  image.close();
  return restored[0]?.indices;
}

let run = 0;

/** Restores frames until another source takes the place of this one. */
async function show(start) {
  const own = ++run;
  const track = new FaceTrack();
  let [drawn, held, dropped, last] = [0, 0, 0, 0];
  await start();
  await video.play();
  for (;;) {
    // The newest frame: those that came while the one before was worked on are dropped.
    const { presentedFrames } = await new Promise(resolve =>
      video.requestVideoFrameCallback((_, metadata) => resolve(metadata)),
    );
    if (own !== run) return;
    if (last > 0) dropped += presentedFrames - last - 1;
    last = presentedFrames;
    const frame = new VideoFrame(video);
    try {
      const found = track.follow(largest(await restorer.detect(frame)));
      const indices = await draw(frame, found);
      if (found?.indices) held++;
      else if (indices) track.hold(indices);
    } finally {
      frame.close();
    }
    output.value = `${++drawn} frames, ${held} with codes of the one before, ${dropped} dropped`;
  }
}

const failed = error => {
  output.value = error.message;
};

camera.addEventListener('click', () =>
  show(async () => {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  }).catch(failed),
);
file.addEventListener('change', () =>
  show(async () => {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    video.src = URL.createObjectURL(file.files[0]);
  }).catch(failed),
);
for (const control of [camera, file]) control.disabled = false;
