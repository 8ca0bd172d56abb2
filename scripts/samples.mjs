// Makes demo/samples, the worn photos that the page offers to try, of the two portraits in the public domain in docs/samples, and what the
// package's own weights make of the first of them. `node scripts/samples.mjs` after a build.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const from = name => fileURLToPath(new URL(`../docs/samples/${name}`, import.meta.url));
const to = name => fileURLToPath(new URL(`../demo/samples/${name}`, import.meta.url));

/** Numbers from 0 to 1, the same in each run. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Grain of film, as a layer of greys around the middle. */
function grain(width, height, amount, seed) {
  const next = numbers(seed);
  const data = Buffer.alloc(width * height);
  for (let i = 0; i < data.length; i++) data[i] = 128 + amount * (next() + next() + next() - 1.5);
  return { input: data, raw: { width, height, channels: 1 }, blend: 'soft-light' };
}

/** Scratches, dust and a crease. */
function wear(width, height, seed) {
  const next = numbers(seed);
  const scratches = Array.from({ length: 8 }, () => {
    const [x, y] = [next() * width, next() * height];
    const bend = 24 * (next() - 0.5);
    const long = 20 + 90 * next();
    return `<path d="M${x} ${y}q${bend} ${long / 2} ${bend} ${long}" stroke-width="${0.4 + 0.7 * next()}"/>`;
  });
  const dust = Array.from({ length: 60 }, () => {
    const light = next() < 0.6 ? '#fff' : '#2a2016';
    return `<circle cx="${next() * width}" cy="${next() * height}" r="${0.4 + next()}" fill="${light}" stroke="none"/>`;
  });
  const crease = `<path d="M0 ${0.79 * height}l${0.35 * width} 5 ${0.3 * width} -4 ${0.35 * width} 6" stroke-width="1.6"/>`;
  const marks = [...scratches, ...dust, crease].join('');
  const svg = `<svg width="${width}" height="${height}"><g fill="none" stroke="#f6efe2" opacity=".75">${marks}</g></svg>`;
  return { input: Buffer.from(svg) };
}

/** A print that faded: sepia, flat, soft, with grain and scratches. */
async function oldPrint() {
  const [width, height] = [300, 350];
  const small = sharp(from('hopper.jpg')).resize(width / 2.5, height / 2.5, { fit: 'fill' });
  const soft = await sharp(await small.png().toBuffer())
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .grayscale()
    .linear(0.66, 48)
    .composite([grain(width, height, 34, 1)])
    .png()
    .toBuffer();
  const toned = await sharp(soft).toColourspace('srgb').tint('#d8b98c').png().toBuffer();
  await sharp(toned)
    .composite([wear(width, height, 2)])
    .jpeg({ quality: 78 })
    .toFile(to('old-print.jpg'));
}

/** A page of an album, scanned small: three prints on paper. */
async function album() {
  const prints = [
    { file: 'hopper.jpg', crop: { left: 40, top: 10, width: 450, height: 450 }, left: 22, top: 30, turn: -2 },
    {
      file: 'astronaut.png',
      crop: { left: 40, top: 0, width: 350, height: 350 },
      left: 182,
      top: 22,
      turn: 1.5,
      mirrored: true,
    },
    {
      file: 'hopper.jpg',
      crop: { left: 74, top: 30, width: 380, height: 380 },
      left: 342,
      top: 34,
      turn: 2.5,
      mirrored: true,
      grey: true,
    },
  ];
  const layers = await Promise.all(
    prints.map(async ({ file, crop, left, top, turn, mirrored, grey }) => {
      let print = sharp(from(file)).extract(crop).resize(124, 124);
      if (mirrored) print = print.flop();
      if (grey) print = print.grayscale();
      const bordered = print.extend({ top: 6, bottom: 18, left: 6, right: 6, background: '#f7f3ea' });
      const turned = sharp(await bordered.png().toBuffer()).rotate(turn, { background: '#0000' });
      return { input: await turned.png().toBuffer(), left, top };
    }),
  );
  const page = { width: 500, height: 216, channels: 3, background: '#6b5a45' };
  const whole = await sharp({ create: page }).composite(layers).png().toBuffer();
  await sharp(whole)
    .blur(0.9)
    .composite([grain(page.width, page.height, 26, 3)])
    .linear(0.9, 10)
    .jpeg({ quality: 55 })
    .toFile(to('album.jpg'));
}

/** A picture that went from chat to chat: small, and compressed twice. */
async function chat() {
  const square = { left: 94, top: 0, width: 260, height: 260 };
  const once = await sharp(from('astronaut.png')).extract(square).resize(160).jpeg({ quality: 22 }).toBuffer();
  await sharp(once).resize(144).jpeg({ quality: 24 }).toFile(to('chat.jpg'));
}

/** What the page shows before anything is chosen: the old print, restored. */
async function restored() {
  const { createDevice, createRestorer, decodeImage, encodeImage } = await import('../dist/node.js');
  const device = await createDevice({ adapter: 'software' });
  const restorer = await createRestorer({ device });
  const photo = await decodeImage(await readFile(to('old-print.jpg')));
  const { image } = await restorer.restore(photo, { upscaling: 2, backgroundUpscale: true });
  const png = await encodeImage(image, { type: 'png' });
  await writeFile(to('old-print-restored.webp'), await sharp(png).webp({ quality: 82 }).toBuffer());
  await restorer.destroy();
  device.destroy();
}

await oldPrint();
await album();
await chat();
await restored();
