// `restore` with a pretended engine: flags, inputs and outputs, exit codes, and that nothing half is ever left.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { CodeFormerError } from '../../src/errors.js';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { codeformer, FACE, inverted, SIZE, sample } from './harness.js';

const root = mkdtempSync(join(tmpdir(), 'codeformer-cli-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let crop: string;
let out: string;
let count = 0;

beforeEach(async () => {
  folder = join(root, String(count++));
  mkdirSync(folder);
  crop = join(folder, 'crop.png');
  out = join(folder, 'out.png');
  writeFileSync(crop, await encodeImage(sample()));
});

const files = () => readdirSync(folder).sort();

const restore = (...args: string[]) => codeformer(['restore', ...args]);

describe('restore', () => {
  test('writes the restored crop', async () => {
    const { code, stdout, stderr, opened, fidelities, destroyed } = await restore(crop, '-o', out, '--aligned');
    expect(code).toBe(0);
    expect(stdout.length).toBe(0);
    expect(stderr).toBe(`adapter: pretended\n${crop} -> ${out}\n`);
    expect((await decodeImage(readFileSync(out))).data).toEqual(inverted(sample()).data);
    expect(opened).toMatchObject([{ restorer: 'embedded', detector: null, adapter: 'auto', precision: 'auto' }]);
    expect(fidelities).toEqual([0.5]);
    expect(destroyed).toBe(1);
  });

  test('hands its flags on', async () => {
    const args = [
      '--fidelity',
      '0.7',
      '--weights',
      'w.pth',
      '--adapter',
      'software',
      '--precision=f32',
      '--subgroup-matrices',
    ];
    const { opened, fidelities } = await restore(crop, '--aligned', ...args, '-o', out);
    expect(fidelities).toEqual([0.7]);
    expect(opened).toMatchObject([
      { restorer: 'w.pth', adapter: 'software', precision: 'f32', subgroupMatrices: true },
    ]);
  });

  test('keeps EXIF data unless it is told not to, and puts what is transparent on a colour', async () => {
    const exif = { IFD0: { Copyright: 'Jane Doe' } };
    writeFileSync(crop, await sharp(crop).withExif(exif).png().toBuffer());
    const jpeg = join(folder, 'out.jpg');
    const flags = ['--aligned', '--overwrite', '-o', jpeg];
    const { calls } = await restore(crop, ...flags, '--background', '#123456', '--quality', '80');
    expect(calls).toMatchObject([{ output: 'jpeg', quality: 80, background: '#123456' }]);
    expect((await sharp(jpeg).metadata()).exif?.toString('latin1')).toContain('Jane Doe');
    await restore(crop, ...flags, '--metadata', 'none');
    expect((await sharp(jpeg).metadata()).exif).toBeUndefined();
    // A file that lacks its end is read, and that is said.
    const whole = readFileSync(jpeg);
    writeFileSync(jpeg, whole.subarray(0, -2));
    const { code, stderr } = await restore(jpeg, '--aligned', '-o', out);
    expect([code, stderr.includes('the JPEG ends early')]).toEqual([0, true]);
  });

  test('takes flags with underscores', async () => {
    expect((await restore(crop, '--aligned', '-o', out, '--max_pixels', '64')).code).toBe(0);
    expect((await restore(crop, '--aligned', '-o', out, '--max_pixels=63')).code).toBe(1);
  });

  test('takes 0 and 1 as fidelity', async () => {
    for (const w of [0, 1]) {
      expect((await restore(crop, '--aligned', '-o', out, '--overwrite', '--fidelity', String(w))).fidelities).toEqual([
        w,
      ]);
    }
  });

  test.each([
    ['no picture', []],
    ['no output for several', ['IN', 'IN', '--aligned']],
    ['an empty output', ['IN', '--aligned', '-o', '']],
    ['no output beside JSON', ['IN', '--aligned', '--json']],
    ['fidelity NaN', ['IN', '-o', 'OUT', '--aligned', '--fidelity', 'NaN']],
    ['fidelity of text', ['IN', '-o', 'OUT', '--aligned', '--fidelity', 'high']],
    ['no fidelity', ['IN', '-o', 'OUT', '--aligned', '--fidelity', '']],
    ['fidelity -1', ['IN', '-o', 'OUT', '--aligned', '--fidelity', '-1']],
    ['fidelity 2', ['IN', '-o', 'OUT', '--aligned', '--fidelity=2']],
    ['fidelity without value', ['IN', '-o', 'OUT', '--aligned', '--fidelity']],
    ['an unknown flag', ['IN', '-o', 'OUT', '--aligned', '--sharpness', '3']],
    ['a value for a flag without', ['IN', '-o', 'OUT', '--aligned=yes']],
    ['an unknown adapter', ['IN', '-o', 'OUT', '--aligned', '--adapter', 'cpu']],
    ['an unknown precision', ['IN', '-o', 'OUT', '--aligned', '--precision', 'f64']],
    ['a pixel limit of 0', ['IN', '-o', 'OUT', '--aligned', '--max-pixels', '0']],
    ['an unknown output format', ['IN', '-o', 'OUT.bmp', '--aligned']],
    ['no output format', ['IN', '-o', 'OUT/../out', '--aligned']],
    ['the output in the place of the input', ['IN', '-o', 'IN', '--aligned']],
    ['stdout for several', ['IN', 'IN', '-o', '-', '--aligned']],
    ['a file for a folder of pictures', ['DIR', '-o', 'OUT']],
    ['a suffix for a file', ['IN', '-o', 'OUT', '--suffix', 'x']],
    ['a type that the file name does not have', ['IN', '-o', 'OUT', '--output-type', 'jpeg']],
    ['an unknown type', ['IN', '-o', 'DIR/', '--output-type', 'bmp']],
    ['upscaling 0', ['IN', '-o', 'OUT', '--upscaling', '0']],
    ['upscaling below 0', ['IN', '-o', 'OUT', '--upscaling', '-2']],
    ['faces of no rule', ['IN', '-o', 'OUT', '--faces', 'smallest']],
    ['a seed of text', ['IN', '-o', 'OUT', '--seed', 'x']],
    ['a strength above 1', ['IN', '-o', 'OUT', '--strength', '1.5']],
    ['a temperature below 0', ['IN', '-o', 'OUT', '--temperature', '-1']],
    ['an unknown grayscale', ['IN', '-o', 'OUT', '--grayscale', 'maybe']],
    ['scales of text', ['IN', '-o', 'OUT', '--detection-scales', '1,x']],
    ['a background that is no colour', ['IN', '-o', 'OUT', '--background', 'red']],
    ['metadata of an unknown kind', ['IN', '-o', 'OUT', '--metadata', 'all']],
    ['a quality of 0', ['IN', '-o', 'OUT', '--quality', '0']],
    ['stdin twice', ['-', '-', '-o', 'DIR/', '--aligned']],
    ['several of one name', ['IN', 'DIR/other/crop.jpg', '-o', 'DIR/', '--aligned']],
    ['JSON and picture on stdout', ['IN', '-o', '-', '--aligned', '--json']],
  ])('refuses %s', async (_, args) => {
    const before = files();
    const named = args.map(arg => arg.replace('IN', crop).replace('OUT', out).replace('DIR', folder));
    const { code, stdout, stderr, opened } = await restore(...named);
    expect(stderr).toMatch(/^error: .+\n$/);
    expect(code).toBe(2);
    expect(stdout.length).toBe(0);
    expect(opened).toEqual([]);
    expect(files()).toEqual(before);
  });

  test('says what is wrong with a fidelity', async () => {
    const { stderr } = await restore(crop, '-o', out, '--aligned', '--fidelity', '-1');
    expect(stderr).toBe('error: Expected a number from 0 to 1 for --fidelity but received "-1" of type string\n');
  });

  test('refuses to write a picture to a terminal', async () => {
    expect((await codeformer(['restore', crop, '-o', '-', '--aligned'], { terminal: true })).code).toBe(2);
    expect((await codeformer(['restore', crop, '--aligned'], { terminal: true })).code).toBe(2);
  });

  test.each([
    ['a missing file', () => join(folder, 'none.png'), /There is no file/],
    ['an empty folder', () => emptied(), /There are no pictures in/],
    ['an empty file', () => written(''), /is empty/],
    ['a file of text', () => written('text'), /expected a PNG/],
    ['a truncated picture', () => written(readFileSync(crop).subarray(0, 60)), /the PNG is broken/],
  ])('fails on %s', async (_, path, message) => {
    const input = path();
    const before = files();
    const { code, stderr, opened } = await restore(input, '-o', out, '--aligned');
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toContain(input);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(opened).toEqual([]);
    expect(files()).toEqual(before);
  });

  function emptied(): string {
    const path = join(folder, 'empty');
    mkdirSync(path);
    return path;
  }

  function written(content: string | Uint8Array): string {
    const path = join(folder, 'input.png');
    writeFileSync(path, content);
    return path;
  }

  test('fails on a picture above the pixel limit, and says how to raise it', async () => {
    const { code, stderr } = await restore(crop, '-o', out, '--aligned', '--max-pixels', '63');
    expect(code).toBe(1);
    expect(stderr).toMatch(/expected at most 63 pixels but it has 8x8 = 64\nhint: --max-pixels/);
    expect(files()).toEqual(['crop.png']);
  });

  test.each(['none/out.png', 'crop.png/out.png'])('fails before any work when the output is %s', async name => {
    const { code, stderr, opened } = await restore(crop, '-o', join(folder, name), '--aligned');
    expect(code).toBe(1);
    expect(stderr).toMatch(/out\.png cannot be written: /);
    expect(opened).toEqual([]);
    expect(files()).toEqual(['crop.png']);
  });

  test('fails when the output is a folder', async () => {
    mkdirSync(out);
    const { code, stderr } = await restore(crop, '-o', out, '--aligned');
    expect(code).toBe(1);
    expect(stderr).toMatch(/it is a folder/);
    expect(readdirSync(out)).toEqual([]);
  });

  test('fails without rights', { skip: process.getuid?.() === 0 }, async () => {
    chmodSync(crop, 0);
    expect((await restore(crop, '-o', out, '--aligned')).stderr).toMatch(/cannot be read/);
    chmodSync(crop, 0o600);
    chmodSync(folder, 0o500);
    expect((await restore(crop, '-o', out, '--aligned')).stderr).toMatch(/no right to write/);
    chmodSync(folder, 0o700);
  });

  test('replaces what was there with --overwrite only, and not through a link to the input', async () => {
    writeFileSync(out, 'old');
    const kept = await restore(crop, '-o', out, '--aligned');
    expect(kept.code).toBe(1);
    expect(kept.stderr).toMatch(/out\.png exists already: --overwrite replaces it/);
    expect(kept.opened).toEqual([]);
    expect(readFileSync(out, 'utf8')).toBe('old');
    expect((await restore(crop, '-o', out, '--aligned', '--overwrite')).code).toBe(0);
    expect((await decodeImage(readFileSync(out))).width).toBe(SIZE);
    symlinkSync(crop, join(folder, 'link.png'));
    expect((await restore(crop, '-o', join(folder, 'link.png'), '--aligned')).code).toBe(2);
  });

  test.each([
    ['NO_ADAPTER', 3],
    ['ADAPTER_LIMITS', 3],
    ['OUT_OF_MEMORY', 1],
    ['WEIGHTS_MISMATCH', 1],
    ['INVALID_ARGUMENT', 2],
  ] as const)('%s of the engine is exit code %i', async (code, expected) => {
    const open = () => {
      throw new CodeFormerError(code, 'what was expected\nand what came');
    };
    const outcome = await codeformer(['restore', crop, '-o', out, '--aligned'], { open });
    expect(outcome.code).toBe(expected);
    expect(outcome.stderr).toMatch(/^error: what was expected and what came\n/);
    expect(files()).toEqual(['crop.png']);
  });

  test('a defect is called one, and shows its stack with DEBUG', async () => {
    const open = () => {
      throw new TypeError('x is not a function');
    };
    const args = ['restore', crop, '-o', out, '--aligned'];
    const plain = await codeformer(args, { open });
    expect(plain.code).toBe(1);
    expect(plain.stderr).toMatch(/^error: x is not a function \(a defect.*\n$/);
    expect((await codeformer(args, { open, env: { DEBUG: '1' } })).stderr).toMatch(/\n {4}at /);
  });

  test('Ctrl-C ends with 130 and leaves nothing', async () => {
    const controller = new AbortController();
    const during = () => controller.abort();
    const args = ['restore', crop, '-o', out, '--aligned'];
    const outcome = await codeformer(args, { during, signal: controller.signal });
    expect(outcome.code).toBe(130);
    expect(outcome.stderr).toMatch(/error: aborted\n$/);
    expect(outcome.destroyed).toBe(1);
    expect(files()).toEqual(['crop.png']);
    expect((await codeformer(args, { signal: AbortSignal.abort() })).code).toBe(130);
  });

  test('Ctrl-C while stdin is awaited', async () => {
    const args = ['restore', '-', '-o', out, '--aligned'];
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    expect((await codeformer(args, { signal: controller.signal, waiting: true })).code).toBe(130);
    // Also where it comes before anybody listens for it.
    expect((await codeformer(args, { signal: AbortSignal.abort(), waiting: true })).code).toBe(130);
  });

  test('reads stdin and writes stdout', async () => {
    const args = ['restore', '-', '-o', '-', '--aligned'];
    const { code, stdout, stderr } = await codeformer(args, { stdin: readFileSync(crop) });
    expect(code).toBe(0);
    expect((await decodeImage(stdout)).data).toEqual(inverted(sample()).data);
    expect(stderr).toBe('adapter: pretended\n');
    expect((await restore(crop, '--aligned')).stdout.equals(stdout)).toBe(true);
    const empty = await codeformer(args);
    expect(empty.code).toBe(1);
    expect(empty.stderr).toMatch(/^error: stdin: expected a picture but it is empty/);
  });

  test('warns of crops of another size, also with --quiet, which silences the rest', async () => {
    writeFileSync(crop, await encodeImage(sample(12, 9)));
    const { code, stderr } = await restore(crop, '-o', out, '--aligned', '--quiet');
    expect(code).toBe(0);
    expect(stderr).toBe(
      `warning: ${crop}: expected a crop of 8x8 but it has 12x9: resized, which changes its aspect ratio\n`,
    );
  });

  test('prints an object per picture with --json', async () => {
    const { stdout } = await restore(crop, '-o', out, '--aligned', '--json', '--fidelity', '1', '--weights', 'w.pth');
    const lines = stdout.toString().trim().split('\n');
    expect(lines.length).toBe(1);
    const codes = { indices: [3, 1, 2, 0], margins: [0.5, 0.25, 1, 2] };
    const faces = [
      { ...FACE, landmarks: [], share: 1, untouched: null, ...codes, timings: { encode: 1, decode: 2 }, warnings: [] },
    ];
    expect(JSON.parse(lines[0]!)).toEqual({
      file: crop,
      output: out,
      width: SIZE,
      height: SIZE,
      faces,
      fidelity: 1,
      seed: 7,
      timings: { total: 3 },
      model: 'w.pth',
      adapter: 'pretended',
      warnings: [],
    });
  });

  test('shows progress on a terminal only', async () => {
    const args = ['restore', crop, '-o', out, '--aligned', '--overwrite'];
    expect((await codeformer(args)).stderr).not.toContain('%');
    expect((await codeformer(args, { terminal: true })).stderr).toContain('[############............]  50 %');
    expect((await codeformer([...args, '-q'], { terminal: true })).stderr).toBe('');
  });

  test('takes the progress away before it says what went wrong', async () => {
    const args = ['restore', crop, '-o', out, '--aligned'];
    const during = () => Promise.reject(new CodeFormerError('DEVICE_LOST', 'gone'));
    const env = { NO_COLOR: '1' };
    const { stderr } = await codeformer(args, { during, terminal: true, env });
    expect(stderr).toContain('%');
    expect(stderr.endsWith('\r\x1b[Kerror: gone\n')).toBe(true);
  });

  test('colours on a terminal only, and not with NO_COLOR', async () => {
    const args = ['restore', '-o', out];
    expect((await codeformer(args, { terminal: true })).stderr).toContain('\x1b[31merror:\x1b[0m');
    expect((await codeformer(args, { terminal: true, env: { NO_COLOR: '1' } })).stderr).toMatch(/^error: /);
  });
});

describe('restore of several', () => {
  test('a picture too large for the format fails alone', async () => {
    writeFileSync(join(folder, 'wide.png'), await encodeImage(sample(16_384, 1)));
    const into = join(folder, 'into/');
    const { code, stderr } = await restore(folder, '-o', into, '--output-type', 'webp');
    expect([code, readdirSync(into)]).toEqual([4, ['crop.webp']]);
    expect(stderr).toContain('expected sides of at most 16383 pixels for WebP but it has 16384x1');
  });

  test('writes each into the folder, with one engine', async () => {
    const other = join(folder, 'photo.of.me.jpeg');
    writeFileSync(other, await encodeImage(sample(), { type: 'jpeg' }));
    const into = join(folder, 'into');
    mkdirSync(into);
    const { code, opened, fidelities } = await restore(crop, other, '-o', into, '--aligned');
    expect(code).toBe(0);
    expect(readdirSync(into).sort()).toEqual(['crop.png', 'photo.of.me.png']);
    expect(opened.length).toBe(1);
    expect(fidelities.length).toBe(2);
  });

  test('a folder for one, marked by its slash; stdin has a name there', async () => {
    const into = join(folder, 'into');
    mkdirSync(into);
    await codeformer(['restore', '-', '-o', `${into}/`, '--aligned'], { stdin: readFileSync(crop) });
    expect(readdirSync(into)).toEqual(['stdin.png']);
  });

  test('goes on after a bad one and ends with 4', async () => {
    const bad = join(folder, 'bad.png');
    const last = join(folder, 'last.png');
    writeFileSync(bad, 'text');
    writeFileSync(last, readFileSync(crop));
    const into = join(folder, 'into');
    mkdirSync(into);
    const missing = join(folder, 'none.png');
    const { code, stdout, stderr } = await restore(crop, bad, missing, last, '-o', into, '--aligned', '--json');
    expect(code).toBe(4);
    expect(readdirSync(into).sort()).toEqual(['crop.png', 'last.png']);
    const objects = stdout.toString().trim().split('\n');
    expect(objects.map(line => [JSON.parse(line).file, JSON.parse(line).error?.code])).toEqual([
      [crop, undefined],
      [bad, 'INVALID_IMAGE'],
      [missing, 'FILE_NOT_FOUND'],
      [last, undefined],
    ]);
    expect(stderr).toMatch(/error: .*bad\.png: expected a PNG/);
    expect(stderr).toMatch(/error: There is no file .*none\.png/);
    expect(stderr).toMatch(/error: 2 of 4 pictures failed\n$/);
    const all = await restore(bad, missing, '-o', into, '--aligned');
    expect(all.code).toBe(1);
  });

  test('ends where nothing could go on', async () => {
    const last = join(folder, 'last.png');
    writeFileSync(last, readFileSync(crop));
    const open = () => {
      throw new CodeFormerError('NO_ADAPTER', 'none');
    };
    const outcome = await codeformer(['restore', crop, last, '-o', `${folder}/`, '--aligned'], { open });
    // The results would replace the pictures that they are made of.
    expect(outcome.code).toBe(2);
    const into = join(folder, 'into');
    expect((await codeformer(['restore', crop, last, '-o', into, '--aligned'], { open })).code).toBe(3);
  });
});
