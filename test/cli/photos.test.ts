// `restore`, `detect` and `sweep` of whole photos with a pretended engine: flags, folders and patterns, crops, and what is kept.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeImage, encodeImage } from '../../src/node/images.js';
import { codeformer, FACE, inverted, SIZE, sample } from './harness.js';

const root = mkdtempSync(join(tmpdir(), 'codeformer-photos-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let photo: string;
let out: string;
let into: string;
let count = 0;

beforeEach(async () => {
  folder = join(root, String(count++));
  photo = join(folder, 'photo.png');
  out = join(folder, 'out.png');
  into = join(folder, 'into');
  mkdirSync(into, { recursive: true });
  writeFileSync(photo, await encodeImage(sample()));
});

/** Copies of the photo in a folder of their own. */
function photos(...names: string[]): string {
  const path = join(folder, 'photos');
  for (const name of names) {
    const file = join(path, name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, readFileSync(photo));
  }
  return path;
}

describe('restore', () => {
  test('finds the faces of a photo, with the weights of the package', async () => {
    const { code, stderr, opened, calls } = await codeformer(['restore', photo, '-o', out]);
    expect(code).toBe(0);
    expect(stderr).toBe(`adapter: pretended\n${photo} -> ${out} (1 face)\n`);
    expect(opened).toMatchObject([{ restorer: 'embedded', detector: 'embedded', parser: null, upscaler: 'embedded' }]);
    expect(calls).toMatchObject([{ fidelity: 0.5, aligned: false, grayscale: 'auto' }]);
    const none = await codeformer(['restore', photo, '-o', out, '--overwrite'], { faces: 0 });
    expect([none.code, none.stderr]).toEqual([0, `adapter: pretended\n${photo} -> ${out} (no faces)\n`]);
  });

  test('hands its flags on, also by the names of the hosted API', async () => {
    const flags = ['--upscaling', '1.5', '--only_center_face', '--no-face-upscale', '--background_upscale'];
    const more = [
      '--seed',
      '5',
      '--temperature=0.7',
      '--faces',
      '0,2',
      '--strength',
      '0.5',
      '--compat',
      '--no-never-worse',
    ];
    const rest = ['--min-face-size', '20', '--detection-scales', '1,2', '--grayscale', 'never'];
    const { calls } = await codeformer(['restore', photo, '-o', out, ...flags, ...more, ...rest]);
    expect(calls).toMatchObject([
      {
        upscaling: 1.5,
        onlyCenterFace: true,
        faceUpscale: false,
        backgroundUpscale: true,
        seed: 5,
        temperature: 0.7,
        faces: [0, 2],
        strength: 0.5,
        neverWorse: false,
        compat: true,
        minFaceSize: 20,
        detectionScales: [1, 2],
        grayscale: false,
      },
    ]);
  });

  test('says which faces are left as they are, wholly or in part', async () => {
    const untouched = { share: 0, untouched: 'it is sharp' };
    const args = ['restore', photo, '-o', out, '--overwrite'];
    const left = await codeformer([...args, '--json'], { used: untouched });
    expect(left.stderr).toContain(`${photo}: face 0 is left as it is: it is sharp\n`);
    expect(JSON.parse(left.stdout.toString()).faces).toMatchObject([untouched]);
    const part = await codeformer(args, { used: { share: 0.254, untouched: null } });
    expect(part.stderr).toContain(`${photo}: face 0 is restored by 25 %: the photo has detail of its own\n`);
  });

  test('takes networks from flags, from a folder of official files, or none', async () => {
    const weights = join(folder, 'weights');
    mkdirSync(weights);
    // Of these, size and hash are not known.
    for (const name of ['codeformer_inpainting.pth', 'codeformer_colorization.pth'])
      writeFileSync(join(weights, name), 'any');
    const args = ['restore', photo, '-o', out, '--overwrite', '--weights-dir', weights];
    const { opened } = await codeformer([...args, '--parser', 'p.pth']);
    // Restorers for other things are taken on request only.
    expect(opened).toMatchObject([{ restorer: 'embedded', detector: 'embedded', parser: 'p.pth' }]);
    const inpainting = await codeformer([...args, '--weights', 'codeformer_inpainting']);
    expect(inpainting.opened).toMatchObject([{ restorer: join(weights, 'codeformer_inpainting.pth') }]);
    const none = await codeformer([...args, '--upscaler', 'none']);
    expect(none.opened).toMatchObject([{ upscaler: null }]);
    expect((await codeformer(['restore', photo, '-o', out, '--weights-dir', join(folder, 'none')])).code).toBe(1);
  });

  test('official files that are broken are never passed over for the network of the package', async () => {
    const file = 'detection_mobilenet0.25_Final.pth';
    const weights = join(folder, 'weights');
    mkdirSync(join(folder, 'cache', 'weights'), { recursive: true });
    mkdirSync(weights);
    for (const [bytes, fault] of [
      [5, /expected 1789735 bytes but it has 5/],
      // Of the right size, and something else.
      [1_789_735, /expected SHA-256 2979b33f/],
    ] as const) {
      for (const [place, args, env] of [
        [weights, ['--weights-dir', weights], {}],
        [join(folder, 'cache', 'weights'), [], { CODEFORMER_CACHE: join(folder, 'cache') }],
      ] as const) {
        writeFileSync(join(place, file), new Uint8Array(bytes));
        for (const named of [[], ['--detector', 'retinaface_mobile0.25']]) {
          const { code, stderr, opened } = await codeformer(['restore', photo, '-o', out, ...args, ...named], { env });
          expect([code, opened]).toEqual([1, []]);
          expect(stderr).toMatch(fault);
          expect(stderr).toContain('`codeformer weights pull detection_mobilenet0.25_Final` gets it anew');
        }
        rmSync(join(place, file));
      }
    }
  });

  test('official files by their names: what is not there, of another role, or nearly a name', async () => {
    const failing = async (...flags: string[]) => (await codeformer(['restore', photo, '-o', out, ...flags])).stderr;
    expect(await failing('--weights', 'codeformer')).toMatch(
      /codeformer\.pth \(--weights\) is not in \S+weights: `codeformer weights pull codeformer` gets it/,
    );
    expect(await failing('--detector', 'codeformer')).toMatch(/Expected a detector for --detector/);
    expect(await failing('--weights', 'codefromer')).toMatch(
      /There is no file codefromer .*; did you mean codeformer\?/,
    );
    // A file of that name is meant first.
    const { opened } = await codeformer(['restore', photo, '-o', out, '--weights', photo]);
    expect(opened).toMatchObject([{ restorer: photo }]);
  });

  test('says that a --weights-dir has none of the official files', async () => {
    const { code, stderr } = await codeformer(['restore', photo, '-o', out, '-q', '--weights-dir', folder]);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^warning: \S+ \(--weights-dir\) has none of the official/),
    ]);
    const empty = await codeformer(['restore', photo, '-o', out, '--weights-dir', '']);
    expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining('There is no folder ""')]);
  });

  test('folders and patterns', async () => {
    const path = photos('b.png', 'a.JPG', 'notes.txt', '.hidden.png', 'deep/c.png', 'deep/er/d1.png');
    const names = async (...inputs: string[]) => {
      const { code, stderr } = await codeformer(['restore', ...inputs, '-o', into, '--overwrite', '-q']);
      expect([code, stderr]).toEqual([0, '']);
      const made = readdirSync(into).sort();
      for (const name of made) rmSync(join(into, name));
      return made;
    };
    expect(await names(path)).toEqual(['a.png', 'b.png']);
    expect(await names(join(path, '*.png'))).toEqual(['b.png']);
    expect(await names(join(path, '[a-b].*'))).toEqual(['a.png', 'b.png']);
    expect(await names(join(path, '**', '*.png'))).toEqual(['b.png', 'c.png', 'd1.png']);
    expect(await names(join(path, '*', '?.png'))).toEqual(['c.png']);
    expect(await names(path, join(path, 'b.png'))).toEqual(['a.png', 'b.png']);
    const none = await codeformer(['restore', join(path, '*.webp'), '-o', into]);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/There are no pictures in .*\*\.webp/);
  });

  test('names results by suffix and type', async () => {
    const path = photos('a.png');
    await codeformer(['restore', path, '-o', into, '--suffix', 'new', '--output-type', 'webp']);
    expect(readdirSync(into)).toEqual(['a_new.webp']);
    const { stdout } = await codeformer(['restore', photo, '--output-type', 'jpeg']);
    expect([...stdout.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
  });

  test('makes a folder that is named by a slash', async () => {
    const made = join(folder, 'made', 'deep');
    expect((await codeformer(['restore', photo, '-o', `${made}/`])).code).toBe(0);
    expect(readdirSync(made)).toEqual(['photo.png']);
    const file = await codeformer(['restore', photo, '-o', `${photo}/`]);
    expect(file.code).toBe(1);
    expect(file.stderr).toMatch(/cannot be made/);
  });

  test('keeps what exists, and goes on', async () => {
    const path = photos('a.png', 'b.png', 'c.png');
    writeFileSync(join(into, 'b.png'), 'old');
    const { code, stderr, calls } = await codeformer(['restore', path, '-o', into]);
    // What was done before is no failure.
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /b\.png exists already: --overwrite replaces it\n(.*\n)*1 of 3 pictures were kept as they are\n$/,
    );
    expect(calls.length).toBe(2);
    expect(readFileSync(join(into, 'b.png'), 'utf8')).toBe('old');
    const again = await codeformer(['restore', path, '-o', into, '--json']);
    expect([again.code, again.calls, again.opened]).toEqual([0, [], []]);
    const lines = again.stdout.toString().trim().split('\n');
    expect(lines.map(line => JSON.parse(line).skipped)).toEqual([true, true, true]);
    expect((await codeformer(['restore', path, '-o', into, '--overwrite'])).calls.length).toBe(3);
    expect(readFileSync(join(into, 'b.png'), 'utf8')).not.toBe('old');
  });

  test('saves crops as the reference names them', async () => {
    const crops = join(folder, 'crops');
    const args = ['restore', photo, '-o', out, '--save-crops', crops, '--json'];
    const { stdout } = await codeformer(args, { faces: 2 });
    expect(readdirSync(join(crops, 'cropped_faces'))).toEqual(['photo_00.png', 'photo_01.png']);
    expect(readdirSync(join(crops, 'restored_faces'))).toEqual(['photo_00.png', 'photo_01.png']);
    const restored = await decodeImage(readFileSync(join(crops, 'restored_faces', 'photo_01.png')));
    expect(restored.data).toEqual(inverted(sample()).data);
    const { faces } = JSON.parse(stdout.toString());
    expect(faces[1]).toMatchObject({ ...FACE, id: 1, crop: join(crops, 'cropped_faces', 'photo_01.png') });
    const again = await codeformer([...args.slice(0, 3), join(folder, 'other.png'), '--save-crops', crops]);
    expect(again.stderr).toMatch(/photo_00\.png exists already/);
  });

  test('Ctrl-C in the middle of a folder', async () => {
    const controller = new AbortController();
    const path = photos('a.png', 'b.png', 'c.png');
    const during = () => controller.abort();
    const { code, destroyed } = await codeformer(['restore', path, '-o', into], { during, signal: controller.signal });
    expect([code, destroyed, readdirSync(into).length]).toEqual([130, 1, 0]);
  });
});

describe('detect', () => {
  test('prints faces', async () => {
    const { code, stdout, opened } = await codeformer(['detect', photo]);
    expect(code).toBe(0);
    expect(stdout.toString()).toBe(`${photo}: 1 face\n  0  1,2 to 5,7  score 0.900\n`);
    expect(opened).toMatchObject([{ restorer: null, detector: 'embedded', parser: null }]);
    expect((await codeformer(['detect', photo], { faces: 0 })).stdout.toString()).toBe(`${photo}: no faces\n`);
  });

  test('prints an object per picture with --json', async () => {
    const path = photos('a.png', 'b.png');
    const { stdout } = await codeformer(['detect', path, '--json', '--compat', '--min-face-size', '3']);
    const lines = stdout.toString().trim().split('\n');
    expect(lines.map(line => JSON.parse(line))).toEqual(
      ['a.png', 'b.png'].map(name => ({ file: join(path, name), width: SIZE, height: SIZE, faces: [FACE] })),
    );
  });

  test('draws', async () => {
    const { stdout } = await codeformer(['detect', photo, '--draw', out]);
    expect(stdout.toString()).toMatch(/1 face/);
    const { data } = await decodeImage(readFileSync(out));
    const at = (x: number, y: number) => [...data.subarray(4 * (y * SIZE + x), 4 * (y * SIZE + x) + 3)];
    expect(at(1, 2)).toEqual([255, 0, 0]);
    expect(at(7, 0)).toEqual([...sample().data.subarray(28, 31)]);
    expect((await codeformer(['detect', photo, '--draw', out])).code).toBe(1);
    expect((await codeformer(['detect', photo, '--draw', photo])).code).toBe(2);
  });
});

describe('sweep', () => {
  test('makes a sheet with a row for each face', async () => {
    const args = ['sweep', photo, '-o', out, '--fidelity', '0,1'];
    const { code, stderr, calls } = await codeformer(args, { faces: 2 });
    expect(stderr).toMatch(/\(2 faces\)\n$/);
    expect(code).toBe(0);
    expect(calls).toMatchObject([{ fidelity: [0, 1], upscaling: 1 }]);
    const sheet = await decodeImage(readFileSync(out));
    // Three columns and two rows with gaps of 8 pixels, below the numbers.
    expect([sheet.width, sheet.height]).toEqual([3 * SIZE + 32, 2 * SIZE + 16 + 26]);
  });

  test('says where no face is, and what is wrong with its fidelities', async () => {
    const none = await codeformer(['sweep', photo, '-o', out], { faces: 0 });
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/expected a face to show but none was found/);
    for (const list of ['', '0,2', 'all']) {
      expect((await codeformer(['sweep', photo, '-o', out, `--fidelity=${list}`])).code).toBe(2);
    }
  });
});
