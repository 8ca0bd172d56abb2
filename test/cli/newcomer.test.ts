// Command lines that people bring from other tools: understood where they mean the same, else answered with what was probably meant.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { nearest } from '../../src/cli/nearest.js';
import { encodeImage } from '../../src/node/images.js';
import type { RestoreOptions } from '../../src/pipeline/types.js';
import { codeformer, sample } from './harness.js';

const root = mkdtempSync(join(tmpdir(), 'codeformer-newcomer-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let photo: string;
let out: string;
let count = 0;

beforeEach(async () => {
  folder = join(root, String(count++));
  mkdirSync(folder);
  photo = join(folder, 'photo.png');
  out = join(folder, 'out.png');
  writeFileSync(photo, await encodeImage(sample()));
});

const files = () => readdirSync(folder).sort();

test.each([
  [['PHOTO', '-o', 'OUT']],
  [['-i', 'PHOTO', '-o', 'OUT']],
  [['--input_path', 'PHOTO', '--output_path', 'OUT']],
  [['PHOTO', 'OUT']],
  [['restore', 'PHOTO', 'OUT']],
  [['restore', 'PHOTO', '-o=OUT']],
])('%j restores a photo', async args => {
  const named = args.map(arg => arg.replace('PHOTO', photo).replace('OUT', out));
  const { code, stderr } = await codeformer(named);
  expect([code, stderr]).toEqual([0, `adapter: pretended\n${photo} -> ${out} (1 face)\n`]);
  expect(files()).toEqual(['out.png', 'photo.png']);
});

test('a second name is the result only where nothing is there and it is that of a picture', async () => {
  writeFileSync(out, await encodeImage(sample()));
  for (const second of [out, join(folder, 'results')]) {
    const { code, stderr, opened } = await codeformer(['restore', photo, second]);
    expect([code, opened]).toEqual([2, []]);
    expect(stderr).toMatch(/^error: Expected a folder for the results of several pictures: --output FOLDER\//);
  }
  const { stderr } = await codeformer(['restore', photo, join(folder, 'results')]);
  expect(stderr).toContain(`; did you mean -o ${join(folder, 'results')}?`);
  expect(files()).toEqual(['out.png', 'photo.png']);
});

test('a folder that exists needs no slash', async () => {
  const results = join(folder, 'results');
  mkdirSync(results);
  expect((await codeformer(['restore', photo, '-o', results])).code).toBe(0);
  expect(readdirSync(results)).toEqual(['photo.png']);
  const none = await codeformer(['restore', photo, '-o', join(folder, 'none')]);
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('or a folder that ends with /, for --output')]);
});

test('the flags of the original implementation', async () => {
  const flags = ['-w', '0.7', '-s', '3', '--bg_upsampler', 'realesrgan', '--face_upsample', '--only_center_face'];
  const { calls, fidelities } = await codeformer(['-i', photo, '-o', out, ...flags]);
  expect(fidelities).toEqual([0.7]);
  expect(calls).toMatchObject([{ upscaling: 3, backgroundUpscale: true, faceUpscale: true, onlyCenterFace: true }]);
  const more = [
    '--fidelity_weight=0.2',
    '--upscale',
    '1',
    '--bg_upsampler',
    'None',
    '--has_aligned',
    '--suffix',
    'new',
  ];
  const other = await codeformer(['--input_path', photo, '--output_path', `${folder}/`, ...more]);
  expect(other.fidelities).toEqual([0.2]);
  expect(other.calls).toMatchObject([{ upscaling: 1, backgroundUpscale: undefined, aligned: true }]);
  expect(files()).toEqual(['out.png', 'photo.png', 'photo_new.png']);
  expect((await codeformer(['-i', photo, '-o', out, '--overwrite', '--w', '1'])).fidelities).toEqual([1]);
  const wrong = await codeformer(['-i', photo, '-o', out, '--bg_upsampler', 'esrgan']);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('Expected realesrgan or None')]);
});

test('jpg is JPEG', async () => {
  const { stdout } = await codeformer(['restore', photo, '--output-type', 'jpg']);
  expect([...stdout.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
  expect((await codeformer(['restore', photo, '-o', join(folder, 'a.jpg'), '--output_type', 'JPG'])).code).toBe(0);
});

test('regions, edge and settings of single faces', async () => {
  const flags = ['--mask-regions', 'skin,nose', '--feather', '0.1', '--per-face', '{"0":{"fidelity":0.2}}'];
  const { calls } = await codeformer(['restore', photo, '-o', out, ...flags]);
  const { mask, perFace } = calls[0] as RestoreOptions;
  expect([mask, perFace]).toEqual([{ regions: ['skin', 'nose'], feather: 0.1 }, { 0: { fidelity: 0.2 } }]);
  for (const wrong of [
    ['--feather', '0'],
    ['--per-face', '{0:1}'],
  ]) {
    expect((await codeformer(['restore', photo, '-o', out, '--overwrite', ...wrong])).code).toBe(2);
  }
});

describe('what is not understood', () => {
  test.each([
    ['restore', '--fidelty', '; did you mean --fidelity?'],
    ['restore', '--no-adian', '; did you mean --no-adain?'],
    ['restore', '--overwite', '; did you mean --overwrite?'],
    ['restore', '--has_alligned', '; did you mean --aligned?'],
    ['restore', '--no-fidelity', '; did you mean'],
    ['restore', '--scale', '; did you mean --upscaling?'],
    ['restore', '--ext', '; did you mean --output-type?'],
    ['restore', '-n', '; did you mean --upscaler?'],
    ['restore', '--version', ': `codeformer --version` prints the version'],
    ['restore', '--face_enhance', ': leave it out'],
    ['restore', '--draw_box', ': `codeformer detect IN --draw OUT` draws the boxes of the faces'],
    ['restore', '--bg_tile', ': leave it out'],
    ['restore', '--save_video_fps', ': leave it out'],
    ['detect', '--drow', '; did you mean --draw?'],
    ['codes', '--precison', '; did you mean --precision?'],
    ['doctor', '--jsn', '; did you mean --json?'],
    ['restore', '--xyzzy', ' (`codeformer restore --help` lists its flags)'],
    ['restore', '-x', ' (`codeformer restore --help` lists its flags)'],
  ])('%s %s', async (command, flag, advice) => {
    const { code, stderr } = await codeformer([command, photo, flag]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${command}: there is no flag ${flag.replaceAll('_', '-')}${advice}`);
  });

  test('flags without their value, and values of flags without', async () => {
    const failing = async (...args: string[]) => (await codeformer(['restore', photo, ...args])).stderr;
    expect(await failing('--fidelity')).toMatch(/--fidelity needs a value \(W\) but nothing follows/);
    expect(await failing('--fidelity', '--aligned')).toMatch(/--fidelity needs a value \(W\) but --aligned follows/);
    expect(await failing('--aligned=yes')).toMatch(/--aligned takes no value but received "yes"/);
  });

  test('truth after a flag, as other tools have it', async () => {
    const { calls } = await codeformer(['restore', photo, '--face_upsample', 'True', '--compat', 'False', '-o', out]);
    expect(calls).toMatchObject([{ faceUpscale: true, compat: false }]);
  });

  test('what could be told at once is', async () => {
    const failing = async (...args: string[]) => (await codeformer(args)).stderr;
    expect(await failing('detect', photo, '--draw', photo, '--overwrite')).toMatch(/input for --draw/);
    expect(await failing('restore', photo, '-o', out, '--detection_model', 'YOLOv5l')).toMatch(
      /no file YOLOv5l \(--detector\); names that are known: .*detection_Resnet50_Final/,
    );
    const early = (...args: string[]) => failing('restore', join(folder, 'absent.png'), '-o', out, ...args);
    expect(await early('--per-face', '{"0":{"fidelty":1}}')).toMatch(/perFace\[0\]\.fidelty/);
    expect(await early('--mask-regions', 'skin,foo')).toMatch(/regions among .* received "foo"/);
    expect(await failing('restore', photo, '-o', out, '--detector', 'none')).toMatch(/finds faces, or --aligned/);
    expect(await failing('detect', photo, '--detector', 'none')).toMatch(/finds faces for --detector/);
    expect(await failing('sweep', photo, '-o', out, '--detector', 'none')).toMatch(/finds faces, or --aligned/);
  });

  test('addresses', async () => {
    const { code, stderr } = await codeformer(['restore', 'https://user:secret@host/photo.jpg?key=1', '-o', out]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/received the address https:\/\/\*\*\*@host\/photo\.jpg\?\*\*\*: download it first/);
  });

  test('messages never speak of undefined', async () => {
    for (const args of [
      ['restore'],
      ['sweep'],
      ['detect'],
      ['codes'],
      ['weights', 'inspect'],
      ['weights', 'convert'],
      ['weights', 'convert', photo],
      ['weights', 'verify'],
      ['weights', 'generate'],
      ['weights', 'generate', 'parsenet'],
      ['weights', 'pull'],
      ['weights', 'generate', 'codeformer', '-o', out, '--config', '{"size":32}'],
    ]) {
      const { code, stderr } = await codeformer(args);
      expect([args, code]).toEqual([args, 2]);
      expect(stderr).toMatch(/^error: Expected /);
      expect(stderr).not.toMatch(/undefined of type|"undefined"/);
    }
  });
});

test('nearest', () => {
  const words = ['restore', 'detect', 'sweep'];
  expect(nearest('restoer', words)).toBe('restore');
  expect(nearest('det', words)).toBe('detect');
  expect(nearest('SWEEP', words)).toBe('sweep');
  expect(nearest('photo', words)).toBe(undefined);
  expect(nearest('x'.repeat(100_000), words)).toBe(undefined);
});
