// `codeformer weights`: every subcommand on small files, with its output, errors and exit codes.

import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SERVICES } from '../../src/cli/engine.js';
import { weights as weightsCommands } from '../../src/cli/weights.js';
import { generatedWeights } from '../../src/models/networks.js';
import { embeddedWeights } from '../../src/node/embedded.js';
import { fileSource } from '../../src/node/file-source.js';
import { decodeFloat16, encodeFloat16 } from '../../src/weights/dtype.js';
import { OFFICIAL_FILES } from '../../src/weights/official.js';
import { openWeightsSource } from '../../src/weights/open.js';
import { writeSafetensors } from '../../src/weights/safetensors.js';
import { dictItem, storageOf, tensorItem, zipCheckpoint } from './torch-files.js';

const config = {
  size: 32,
  channels: 8,
  multipliers: [1, 2],
  res_blocks: 1,
  attention: [16],
  embedding: 8,
  codebook: 16,
  width: 16,
  heads: 2,
  layers: 1,
  mlp: 32,
  fuse: [32],
  groups: 4,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weights-cli-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return runWith(new AbortController().signal, false, ...args);
}

async function runWith(signal: AbortSignal, terminal: boolean, ...args: string[]) {
  const [stdout, stderr] = [new Sink(), Object.assign(new Sink(), { isTTY: terminal })];
  const { stdin, env } = process;
  const code = await weightsCommands('weights', args, { stdin, stdout, stderr, env, signal }, SERVICES);
  return { code, out: stdout.text, err: stderr.text };
}

async function open(name: string) {
  return openWeightsSource(await fileSource(file(name)));
}

/** The generated network as a checkpoint, in the zip container. */
async function writeCheckpoint(name: string): Promise<void> {
  const weights = generatedWeights('codeformer', config, 7);
  const storages = await Promise.all(
    weights.names().map(async (tensor, i) => storageOf(String(i), 'FloatStorage', await weights.float32(tensor))),
  );
  const items = weights.names().map((tensor, i) => [tensor, tensorItem(storages[i]!, weights.shape(tensor))]);
  await writeFile(file(name), zipCheckpoint(dictItem({ params_ema: dictItem(Object.fromEntries(items)) }), storages));
}

describe('usage', () => {
  test('--help, for all and for each', async () => {
    const all = await run('--help');
    expect([all.code, all.err]).toEqual([0, '']);
    for (const name of ['inspect', 'convert', 'verify', 'generate', 'list', 'pull']) {
      expect(all.out).toContain(`\n  ${name} `);
      const one = await run(name, '--help');
      expect(one.out).toMatch(new RegExp(`^Usage: codeformer weights ${name}`));
    }
  });

  test('alone, it prints the commands as codeformer alone does', async () => {
    const { code, out, err } = await run();
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^Usage: codeformer weights <command>/);
  });

  test.each([
    [['constructor'], /one of inspect/],
    [['insepct'], /but received "insepct"; did you mean inspect\?/],
    [['inspect'], /^Expected FILE for weights inspect but received nothing$/],
    [['inspect', 'a', 'b'], /Expected FILE for weights inspect but received "a b"/],
    [['list', 'x'], /Expected no argument for weights list/],
    [['inspect', '--what', 'a'], /weights inspect: there is no flag --what/],
    [['pull', '--weight-dir', 'a'], /there is no flag --weight-dir; did you mean --weights-dir\?/],
    [['convert', 'a'], /a file for --output/],
    [['convert', 'a', '-o', 'b', '--dtype', 'int8'], /f16 or f32 for --dtype but received "int8"/],
    [['generate', 'vgg', '-o', 'b'], /one of codeformer, .* for network but received "vgg"/],
    [['generate', 'parsenet', '-o', 'b', '--seed', 'x'], /whole number for --seed/],
    [['generate', 'parsenet', '-o', 'b', '--seed', '4294967296'], /4294967295 for seed/],
    [['generate', 'codeformer', '-o', 'b', '--config', '{"size":1'], /JSON for --config/],
    [['generate', 'codeformer', '-o', 'b', '--config', '{"size":1}'], /for config.channels/],
    [['pull', 'nothing'], /all or one of codeformer.pth/],
    [['pull', 'code-former'], /did you mean codeformer\?/],
  ])('%j is refused', async (args, message) => {
    await expect(run(...args)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });

  test('files that are not there', async () => {
    for (const args of [
      ['inspect', file('x')],
      ['verify', file('x')],
      ['convert', file('x'), '-o', file('y')],
    ]) {
      await expect(run(...args)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    }
    await expect(run('generate', 'codeformer', '-o', file('y'), '--config', file('x'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('generate', () => {
  test('a network from a configuration, as JSON and from a file', async () => {
    await writeFile(file('config.json'), JSON.stringify(config));
    await run('generate', 'codeformer', '-o', file('a.safetensors'), '--config', JSON.stringify(config));
    await run('generate', 'codeformer', '-o', file('b.safetensors'), '--config', file('config.json'), '--seed', '7');
    expect(await readFile(file('a.safetensors'))).toEqual(await readFile(file('b.safetensors')));
    const weights = await open('a.safetensors');
    expect(JSON.parse(weights.metadata.config!)).toEqual({ ...config, patch: 1 });
    expect(weights.metadata.seed).toBe('7');
    const made = generatedWeights('codeformer', config, 7);
    for (const name of made.names()) expect(await weights.float32(name)).toEqual(await made.float32(name));
    await weights.close();
    expect((await run('verify', file('a.safetensors'))).code).toBe(0);
  });

  test('in float16, another seed, other networks', async () => {
    await run(
      'generate',
      'rrdbnet',
      '-o',
      file('u.safetensors'),
      '--config',
      '{"blocks":1,"channels":8,"growth":4}',
      '--dtype',
      'f16',
      '--seed',
      '9',
    );
    const weights = await open('u.safetensors');
    const made = generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 9);
    for (const name of made.names()) {
      expect(weights.dtype(name)).toBe('float16');
      expect(await weights.float32(name)).toEqual(decodeFloat16(encodeFloat16(await made.float32(name))));
    }
    await weights.close();
    expect((await run('verify', file('u.safetensors'))).code).toBe(0);
  });
});

describe('inspect', () => {
  test('text and JSON', async () => {
    await run('generate', 'codeformer', '-o', file('a.safetensors'), '--config', JSON.stringify(config));
    const { code, out } = await run('inspect', file('a.safetensors'));
    expect(code).toBe(0);
    expect(out).toContain('network  codeformer');
    expect(out).toContain('metadata seed: 7');
    expect(out).toMatch(/position_emb +float32 +\[256, 16\]/);
    const report = JSON.parse((await run('inspect', '--json', file('a.safetensors'))).out);
    expect(report.network).toBe('codeformer');
    expect(report.config).toEqual({ ...config, patch: 1 });
    expect(report.tensors).toContainEqual({ name: 'position_emb', dtype: 'float32', shape: [256, 16] });
    expect(report.bytes).toBe(4 * report.values);
  });

  test('weights of no known network, and names that would move the cursor', async () => {
    const data = Float32Array.of(1);
    const bytes = writeSafetensors([{ name: 'a\x1b[2J', dtype: 'float32', shape: [1], data }], { note: 'x\ny' });
    await writeFile(file('x.safetensors'), bytes);
    const { out } = await run('inspect', file('x.safetensors'));
    expect(out).toContain('none of the library');
    expect(out).toContain('a?[2J');
    expect(out).not.toContain('\x1b');
  });
});

describe('convert', () => {
  test('a checkpoint becomes safetensors with its configuration', async () => {
    await writeCheckpoint('a.pth');
    await run('convert', file('a.pth'), '-o', file('a.safetensors'), '--config', JSON.stringify(config));
    const weights = await open('a.safetensors');
    const made = generatedWeights('codeformer', config, 7);
    for (const name of made.names()) expect(await weights.float32(name)).toEqual(await made.float32(name));
    expect(JSON.parse(weights.metadata.config!)).toMatchObject(config);
    await weights.close();
    expect((await readdir(folder)).sort()).toEqual(['a.pth', 'a.safetensors']);
  });

  test('to float16 and back; metadata stays, counters keep their type', async () => {
    const mobile = generatedWeights('retinaface-mobile', undefined, 7);
    const tensors = await Promise.all(
      mobile.names().map(async name => ({
        name,
        dtype: 'float32' as const,
        shape: mobile.shape(name),
        data: await mobile.float32(name),
      })),
    );
    const counter = {
      name: 'body.stage1.0.1.num_batches_tracked',
      dtype: 'int64' as const,
      shape: [],
      data: BigInt64Array.of(5n),
    };
    await writeFile(file('m.safetensors'), writeSafetensors([...tensors, counter], { note: 'kept' }));
    await run('convert', file('m.safetensors'), '-o', file('h.safetensors'), '--dtype', 'f16');
    await run('convert', file('h.safetensors'), '-o', file('f.safetensors'), '--dtype', 'f32');
    await run('convert', file('f.safetensors'), '-o', file('f.safetensors'), '--dtype', 'f16');
    const weights = await open('f.safetensors');
    expect(weights.metadata).toEqual({ note: 'kept' });
    expect(weights.dtype(counter.name)).toBe('int64');
    const { name, data } = tensors[3]!;
    expect(await weights.float32(name)).toEqual(decodeFloat16(encodeFloat16(data)));
    await weights.close();
    expect(await readFile(file('f.safetensors'))).toEqual(await readFile(file('h.safetensors')));
  });

  test('a geometry that the file does not say is asked for', async () => {
    await writeCheckpoint('a.pth');
    await expect(run('convert', file('a.pth'), '-o', file('b'))).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
    const wrong = JSON.stringify({ ...config, layers: 2 });
    await expect(run('convert', file('a.pth'), '-o', file('b'), '--config', wrong)).rejects.toThrow(/12 are missing/);
    expect(await readdir(folder)).toEqual(['a.pth']);
  });

  test('values that float16 cannot hold, and aborts, leave no file', async () => {
    const data = Float32Array.of(1e6);
    await writeFile(file('x'), writeSafetensors([{ name: 'big', dtype: 'float32', shape: [1], data }]));
    await expect(run('convert', file('x'), '-o', file('y'), '--dtype', 'f16')).rejects.toThrow(
      /65520.*tensor big .* 1000000/,
    );
    await expect(runWith(AbortSignal.abort(), false, 'convert', file('x'), '-o', file('y'))).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(await readdir(folder)).toEqual(['x']);
  });
});

describe('verify', () => {
  test('the embedded weights are right', async () => {
    const { folder: embedded, manifest } = await embeddedWeights();
    for (const { file: name } of manifest.files) {
      const { code, out } = await run('verify', join(embedded, name));
      expect(out).toMatch(/^ok +SHA-256 of .*\nok +\d+ tensors of .*\nok +all values are finite\n$/);
      expect(code).toBe(0);
    }
  });

  test('a changed copy of a known file, missing tensors, broken values and broken files are wrong', async () => {
    await run('generate', 'codeformer', '-o', file('codeformer.pth'), '--config', JSON.stringify(config));
    const renamed = await run('verify', file('codeformer.pth'));
    expect(renamed.code).toBe(1);
    expect(renamed.out).toMatch(/^WRONG expected 376637898 bytes .*\nok .*tensors of codeformer\nok/);

    const weights = generatedWeights('rrdbnet', { blocks: 1, channels: 8, growth: 4 }, 7);
    const tensors = await Promise.all(
      weights.names().map(async name => ({
        name,
        dtype: 'float32' as const,
        shape: weights.shape(name),
        data: await weights.float32(name),
      })),
    );
    await writeFile(file('less'), writeSafetensors(tensors.slice(2)));
    const less = await run('verify', file('less'));
    expect([less.code, less.out]).toEqual([1, expect.stringContaining('WRONG')]);
    tensors[0]!.data[5] = Number.NaN;
    await writeFile(file('nan'), writeSafetensors(tensors));
    const nan = await run('verify', file('nan'));
    expect([nan.code, nan.out]).toEqual([1, expect.stringMatching(/WRONG .*conv_first.weight has the value NaN at 5/)]);
    await writeFile(file('page'), '<html></html>');
    expect(await run('verify', file('page'))).toMatchObject({ code: 1, out: expect.stringContaining('a web page') });
    await writeFile(
      file('other'),
      writeSafetensors([{ name: 'x', dtype: 'float32', shape: [1], data: Float32Array.of(1) }]),
    );
    expect((await run('verify', file('other'))).code).toBe(1);
  });
});

describe('list and pull', () => {
  test('list shows embedded and released files, and what is here', async () => {
    const rows = JSON.parse((await run('list', '--json', '--weights-dir', folder)).out);
    expect(rows.length).toBe(OFFICIAL_FILES.length + (await embeddedWeights()).manifest.files.length);
    const card = { data: /generated faces/, training: /minutes/, measured: /PSNR/, limits: /faces/ };
    expect(rows[0]).toMatchObject({ source: 'embedded', present: true, role: 'restorer' });
    for (const [about, text] of Object.entries(card)) expect(rows[0].card[about]).toMatch(text);
    expect(rows.find((row: { file: string }) => row.file === 'codeformer.pth')).toMatchObject({
      bytes: 376637898,
      present: false,
    });
    await writeFile(file('codeformer_inpainting.pth'), 'x');
    await writeFile(file('codeformer.pth'), 'x');
    const { out } = await run('list', '--weights-dir', folder);
    expect(out).toMatch(
      /codeformer_inpainting.pth {2}\(restorer, codeformer\)\n(?: {2}.*\n)*? {2}here {5}\/.*inpainting/,
    );
    expect(out).toMatch(/restorer.safetensors {2}\(restorer, codeformer\)\n(?: {2}.*\n)*? {2}limits {3}\w/);
    expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThan(160);
    expect(out).toMatch(/codeformer.pth {2}\(restorer, codeformer\)\n(?: {2}.*\n)*? {2}here {5}no/);
  });

  test('pull from a folder and from an address, with progress on a terminal only', async () => {
    const content = writeSafetensors([{ name: 'w', dtype: 'float32', shape: [1], data: Float32Array.of(1) }]);
    await writeFile(file('codeformer_inpainting.pth'), content);
    const to = join(folder, 'to');
    const quiet = await run('pull', 'codeformer_inpainting', '--from', folder, '--weights-dir', to);
    expect(quiet).toMatchObject({ code: 0, out: '', err: expect.stringMatching(/^codeformer_inpainting.pth: done, /) });
    expect(new Uint8Array(await readFile(join(to, 'codeformer_inpainting.pth')))).toEqual(content);
    const again = await run('pull', 'codeformer_inpainting.pth', '--from', folder, '--weights-dir', to);
    expect(again.err).toContain('is here already');

    const paths: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url);
      response.end(content);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/release/`;
    const never = new AbortController().signal;
    const shown = await runWith(never, true, 'pull', 'codeformer_colorization', '--from', base, '--weights-dir', to);
    expect(shown.err).toMatch(/\[#+\] +99 % codeformer_colorization.pth {2}0.0 MB/);
    await expect(run('pull', 'codeformer', '--from', base, '--weights-dir', to)).rejects.toMatchObject({
      code: 'INTEGRITY',
    });
    server.close();
    expect(paths).toEqual(['/release/codeformer_colorization.pth', '/release/codeformer.pth']);
    expect((await readdir(to)).sort()).toEqual(['codeformer_colorization.pth', 'codeformer_inpainting.pth']);
    expect(existsSync(join(to, 'codeformer.pth'))).toBe(false);
  });

  test('pull all stops at the first file that cannot be had', async () => {
    await expect(
      run('pull', 'all', '--from', folder, '--weights-dir', join(folder, 'to'), '--quiet'),
    ).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
