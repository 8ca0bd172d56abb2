// The software adapter: where it is unpacked, and what becomes of a cache that is damaged or cannot be written.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findChromiumPackage, unpackSwiftShader } from '../../src/node/software-adapter.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codeformer-adapter-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const withAdapter = test.skipIf(!findChromiumPackage());
const FILES = ['contents.json', 'libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'];
const contents = (path: string) => FILES.map(file => readFileSync(join(path, file)).toString('latin1'));

withAdapter('heals what is damaged, incomplete, or of an earlier version', async () => {
  const env = { CODEFORMER_CACHE: folder };
  const unpacked = (await unpackSwiftShader(env))!;
  expect(readdirSync(unpacked).sort()).toEqual(FILES);
  const whole = contents(unpacked);
  const library = join(unpacked, 'libvk_swiftshader.so');
  const damages = [
    () => writeFileSync(library, readFileSync(library).fill(0, 5000, 5001)),
    () => writeFileSync(library, ''),
    () => rmSync(join(unpacked, 'libvulkan.so.1')),
    () => rmSync(join(unpacked, 'contents.json')),
    () => rmSync(unpacked, { recursive: true }),
  ];
  for (const damage of damages) {
    damage();
    expect(await unpackSwiftShader(env)).toBe(unpacked);
    expect(contents(unpacked)).toEqual(whole);
  }
  // What is whole stays as it is.
  const before = statSync(library).ino;
  await unpackSwiftShader(env);
  expect(statSync(library).ino).toBe(before);
  expect(readdirSync(folder)).toEqual([`swiftshader-${findChromiumPackage()!.version}`]);
});

withAdapter('removes what killed processes left, but not what others unpack just now', async () => {
  const [old, fresh] = [join(folder, 'swiftshader-part-old'), join(folder, 'swiftshader-part-new')];
  for (const part of [old, fresh]) {
    mkdirSync(part);
    writeFileSync(join(part, 'half'), 'x');
  }
  const yesterday = Date.now() / 1000 - 86_400;
  utimesSync(old, yesterday, yesterday);
  const unpacked = await unpackSwiftShader({ CODEFORMER_CACHE: folder });
  expect(readdirSync(folder).sort()).toEqual([unpacked!.split('/').at(-1), 'swiftshader-part-new']);
});

withAdapter('several at once give one folder, whether there is none or a damaged one', async () => {
  for (const damage of [() => {}, (target: string) => writeFileSync(join(target, 'libvulkan.so.1'), 'damaged')]) {
    for (const target of readdirSync(folder)) damage(join(folder, target));
    const made = await Promise.all(Array.from({ length: 8 }, () => unpackSwiftShader({ CODEFORMER_CACHE: folder })));
    expect(new Set(made).size).toBe(1);
    expect(readdirSync(folder).length).toBe(1);
    expect(contents(made[0]!)).not.toContain('damaged');
  }
});

withAdapter('goes to a temporary folder where the cache cannot be written', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  vi.stubEnv('TMPDIR', folder);
  const unpacked = await unpackSwiftShader({ XDG_CACHE_HOME: file });
  expect(unpacked!.startsWith(join(folder, 'codeformer-webgpu-'))).toBe(true);
  expect(readdirSync(unpacked!)).toContain('libvulkan.so.1');
  // Libraries are never loaded from a folder that others can write to.
  const { mode } = statSync(join(unpacked!, '..'));
  expect(mode & 0o077).toBe(0);
});

withAdapter('names the folder that was chosen and cannot be written', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const refused = unpackSwiftShader({ CODEFORMER_CACHE: join(file, 'cache') });
  await expect(refused).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  await expect(refused).rejects.toThrow(`${file}/cache (`);
  await expect(refused).rejects.toThrow(/CODEFORMER_CACHE/);
});
