// How good the upscaler is: pictures that training never saw, made small and worse, are enlarged by this library with and without it.
// `python upscaler.py --data FOLDER --pairs PAIRS`, then `npm run evaluate:upscaler -- --pairs PAIRS`; see ../README.md.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from '../../demo/lab/metrics.js';
import { contactSheet } from '../../src/cli/drawing.js';
import { createRestorer, type DeviceOptions, decodeImage, encodeImage, type Picture } from '../../src/node/index.js';

const usage = `Usage: npm run evaluate:upscaler -- --pairs FOLDER [options]

  --pairs FOLDER   with KIND-LEVEL-NAME.small.png and KIND-NAME.large.png, as training/upscaler.py writes them
  --weights FILE   the upscaler (default the one of the package)
  --sheet PNG      a contact sheet: Lanczos, network, clean; the middles of the first pictures of each kind and level
  --adapter KIND   auto (default), gpu, wasm or software`;

const { values } = parseArgs({
  options: {
    pairs: { type: 'string' },
    weights: { type: 'string', default: 'embedded' },
    sheet: { type: 'string' },
    adapter: { type: 'string', default: 'auto' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.pairs) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
const folder = values.pairs;

/** Side of pictures on the sheet, and how many there are of each kind and level. */
const [SIDE, SHOWN] = [192, 3];

const picture = async (name: string) => decodeImage(await readFile(join(folder, name)));

function middle({ data, width, height }: Picture): Picture {
  const [left, top] = [(width - SIDE) >> 1, (height - SIDE) >> 1];
  const cut = new Uint8ClampedArray(4 * SIDE * SIDE).fill(255);
  for (let y = Math.max(0, -top); y < Math.min(SIDE, height - top); y++)
    for (let x = Math.max(0, -left); x < Math.min(SIDE, width - left); x++) {
      const at = 4 * ((top + y) * width + left + x);
      cut.set(data.subarray(at, at + 4), 4 * (y * SIDE + x));
    }
  return { data: cut, width: SIDE, height: SIDE };
}

const restorer = await createRestorer({
  weights: null,
  detector: null,
  upscaler: values.weights,
  adapter: values.adapter as DeviceOptions['adapter'],
});
const results = new Map<string, number[][]>();
const sheet: Picture[][] = [];
const names = (await readdir(folder)).filter(name => name.endsWith('.small.png')).sort();
for (const [i, file] of names.entries()) {
  const [kind, level, ...rest] = file.slice(0, -'.small.png'.length).split('-') as [string, string, ...string[]];
  const large = await picture(`${[kind, ...rest].join('-')}.large.png`);
  const small = await picture(file);
  const enlarged = async (backgroundUpscale: boolean) =>
    (await restorer.restore(small, { faces: [], upscaling: 2, backgroundUpscale })).image;
  const [lanczos, own] = [await enlarged(false), await enlarged(true)];
  const figures = [lanczos, own].flatMap(made => {
    const { psnr, ssim, sharpness } = compare(made, large);
    return [psnr, ssim, sharpness];
  });
  const key = `${kind}, ${level}`;
  const all = results.get(key) ?? [];
  results.set(key, [...all, figures]);
  if (all.length < SHOWN) sheet.push([lanczos, own, large].map(middle));
  process.stderr.write(`\r${i + 1} of ${names.length}`);
}
process.stderr.write('\n');
console.log('| | Lanczos: PSNR | SSIM | sharpness | network: PSNR | SSIM | sharpness | better in |');
console.log('|---|---|---|---|---|---|---|---|');
for (const [key, all] of results) {
  const means = [0, 1, 2, 3, 4, 5].map(column => all.reduce((sum, row) => sum + row[column]!, 0) / all.length);
  const better = all.filter(row => row[3]! > row[0]!).length;
  const cells = means.map((value, column) => value.toFixed(column % 3 === 1 ? 3 : 2));
  console.log(`| ${key} | ${cells.join(' | ')} | ${better} of ${all.length} |`);
}
if (values.sheet && sheet.length > 0)
  await writeFile(values.sheet, await encodeImage(contactSheet(sheet, ['', '', '']), { type: 'png' }));
await restorer.destroy();
// Dawn may keep the process alive.
process.exit(0);
