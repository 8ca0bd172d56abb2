// What goes wrong outside: files that are none, folders that lead back to themselves, names that are no text, disks that are full, others who
// write to the same place. Nothing is lost, nothing half-written, and each is told by name.

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { wildcard } from '../../src/cli/glob.js';
import { CodeFormerError } from '../../src/errors.js';
import type { Picture } from '../../src/image/picture.js';
import { encodeImage } from '../../src/node/images.js';
import { removeLeftovers, writeFileBeside } from '../../src/node/write-file.js';
import { codeformer, sample } from './harness.js';

const posix = process.platform !== 'win32';
const root = mkdtempSync(join(tmpdir(), 'codeformer-faults-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let picture: Uint8Array;
let folder: string;
let photos: string;
let into: string;
let count = 0;

beforeAll(async () => {
  picture = await encodeImage(sample());
});

beforeEach(() => {
  folder = join(root, String(count++));
  photos = join(folder, 'photos');
  into = join(folder, 'into');
  mkdirSync(into, { recursive: true });
  mkdirSync(photos);
});

/** Writes the picture under names below `photos`. */
function put(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(photos, name)), { recursive: true });
    writeFileSync(join(photos, name), picture);
  }
}

/** Everything below a folder, without the folders. */
const below = (path: string): string[] =>
  (
    readdirSync(path, { recursive: true, withFileTypes: true }) as {
      parentPath: string;
      name: string;
      isFile(): boolean;
    }[]
  )
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();

const restore = (...args: string[]) => codeformer(['restore', ...args]);
const once = (during: (photo: Picture) => unknown) => {
  let done = false;
  return (photo: Picture) => {
    if (done) return;
    done = true;
    during(photo);
  };
};

describe('patterns', () => {
  const matches = (pattern: string, ...names: string[]) => names.filter(wildcard(pattern));

  test('stars, characters and sets', () => {
    expect(matches('*.png', 'a.png', '.png', '.a.png', 'a.jpg', '*.png')).toEqual(['a.png', '*.png']);
    expect(matches('.*', '.a', 'a')).toEqual(['.a']);
    expect(matches('a?c', 'abc', 'a😀c', 'ac', 'abbc')).toEqual(['abc', 'a😀c']);
    expect(matches('[a-c]', 'a', 'b', 'c', 'd', '-')).toEqual(['a', 'b', 'c']);
    expect(matches('[!a-c]', 'a', 'd', '-')).toEqual(['d', '-']);
    expect(matches('[^a]', 'a', 'b', '^')).toEqual(['b', '^']);
    expect(matches('[]a]', ']', 'a', 'b')).toEqual([']', 'a']);
    expect(matches('[a-]', 'a', '-', 'b')).toEqual(['a', '-']);
    expect(matches('[ab', '[ab', 'a')).toEqual(['[ab']);
    expect(matches('(a+).{2}$', '(a+).{2}$', 'a')).toEqual(['(a+).{2}$']);
    // A range that ends before it begins has no characters.
    expect(matches('[z-a]', 'a', 'm', 'z', '-')).toEqual([]);
    expect(matches('**b', 'ab', 'b', 'ba')).toEqual(['ab', 'b']);
  });

  test('the time for many stars does not explode', () => {
    // With as many steps as a regular expression takes, this would not end within a year.
    expect(matches(`${'*a'.repeat(20)}*b`, 'a'.repeat(250))).toEqual([]);
    expect(matches(`${'*a'.repeat(20)}*b`, `${'a'.repeat(250)}b`)).toHaveLength(1);
  });

  test('a range that ends before it begins, on the command line', async () => {
    put('a.png');
    const { code, stderr } = await restore(join(photos, '[z-a]*.png'), '-o', into);
    expect([code, stderr]).toEqual([1, expect.stringContaining('There are no pictures in')]);
  });

  test('loops of links end, and what is found has the name of its place', { skip: !posix }, async () => {
    put('a.png', 'deep/b.png', 'deep/er/c.png');
    symlinkSync('..', join(photos, 'deep', 'loop1'));
    symlinkSync('../..', join(photos, 'deep', 'er', 'loop2'));
    symlinkSync('deep', join(photos, 'another'));
    symlinkSync('nowhere', join(photos, 'dangling.png'));
    const { code, stderr, calls } = await restore(join(photos, '**', '*.png'), '-o', into, '--json');
    expect(code).toBe(0);
    expect(calls.length).toBe(3);
    expect(stderr).toContain(join(photos, 'deep', 'er', 'c.png'));
    // Named as such, a link is followed.
    expect((await codeformer(['detect', join(photos, 'an*', '*.png')])).stdout.toString()).toContain('another');
  });

  test('a folder of many pictures', async () => {
    for (let i = 0; i < 300; i++) {
      const name = join(photos, `${i}.png`);
      if (i === 0) writeFileSync(name, picture);
      else linkSync(join(photos, '0.png'), name);
    }
    const { code, opened } = await restore(photos, '-o', into, '-q');
    expect([code, opened.length, readdirSync(into).length]).toEqual([0, 1, 300]);
    // All of them are there: known without opening the engine.
    const again = await restore(photos, '-o', into, '-q');
    expect([again.code, again.opened.length]).toEqual([0, 0]);
  });
});

describe('folders', () => {
  test('endings of JPEG, and folders with the names of pictures', async () => {
    put('a.jfif', 'b.JPE', 'x.jpg/inside.png', 'c.png');
    const { code, calls } = await restore(photos, '-o', into);
    expect([code, calls.length]).toEqual([0, 3]);
    expect(below(into)).toEqual(['a.png', 'b.png', 'c.png']);
    expect((await restore(join(photos, '**'), '-o', `${into}2/`)).code).toBe(0);
    expect(below(`${into}2`)).toEqual(['a.png', 'b.png', 'c.png', 'inside.png']);
  });

  test('pictures of one name keep their folders', async () => {
    put('one/a.png', 'two/a.png', 'two/b.png');
    const crops = join(folder, 'crops');
    const { code } = await restore(join(photos, '**', '*.png'), '-o', into, '--save-crops', crops, '--suffix', 'x');
    expect(code).toBe(0);
    expect(below(into)).toEqual(['one/a_x.png', 'two/a_x.png', 'two/b_x.png'].map(name => join(name)));
    expect(below(join(crops, 'cropped_faces'))).toEqual(
      ['one/a_00.png', 'two/a_00.png', 'two/b_00.png'].map(name => join(name)),
    );
  });

  test('pictures of one name and other endings keep those', async () => {
    put('a.png', 'a.jpg', 'b.png');
    expect((await restore(photos, '-o', into)).code).toBe(0);
    expect(below(into)).toEqual(['a.jpg.png', 'a.png.png', 'b.png']);
  });

  test('results that would replace a picture of the same folder are refused by the file, whatever its name', async () => {
    put('a.png', 'b.png');
    linkSync(join(photos, 'a.png'), join(into, 'b.png'));
    const { code, stderr } = await restore(photos, '-o', into, '--overwrite');
    expect([code, stderr]).toEqual([2, expect.stringContaining('a path other than that of an input')]);
  });

  test('detect has no outputs that could be in the place of a picture', async () => {
    put('g.png');
    const here = process.cwd();
    process.chdir(photos);
    try {
      const { code, stdout } = await codeformer(['detect', 'g.png']);
      expect([code, stdout.toString().split('\n')[0]]).toEqual([0, 'g.png: 1 face']);
    } finally {
      process.chdir(here);
    }
  });

  test('names as long as names can be', async () => {
    const longest = `${'n'.repeat(251)}.png`;
    put(longest, 'short.png');
    expect((await restore(photos, '-o', into)).code).toBe(0);
    expect(below(into)).toEqual([longest, 'short.png']);
    const { code, stderr, calls } = await restore(photos, '-o', `${into}2/`, '--suffix', 'new');
    expect([code, calls.length]).toEqual([4, 1]);
    expect(stderr).toMatch(/its name is too long/);
  });

  test('names that are no UTF-8', { skip: process.platform !== 'linux' }, async () => {
    const bytes = (name: string) => Buffer.concat([Buffer.from(`${photos}/`), Buffer.from(name, 'latin1')]);
    writeFileSync(bytes('bad\xff.png'), picture);
    writeFileSync(bytes('bad\xfe.png'), picture);
    writeFileSync(bytes('one\xff.png'), picture);
    const { code, stdout } = await restore(photos, '-o', into, '--json');
    expect(code).toBe(0);
    expect(below(into)).toEqual(['bad%fe.png', 'bad%ff.png', 'one%ff.png']);
    expect(stdout.toString()).toContain('bad\ufffd.png');
    expect((await restore(join(photos, 'bad*'), '-o', `${into}2/`)).code).toBe(0);
    // An argument is text already: where one file looks like it, that is meant.
    expect((await restore(join(photos, 'one\ufffd.png'), '-o', join(folder, 'out.png'))).code).toBe(0);
    expect((await restore(join(photos, 'bad\ufffd.png'), '-o', join(folder, 'out2.png'))).code).toBe(1);
  });

  test('a folder that cannot be read is told, and others are not lost', {
    skip: process.getuid?.() === 0,
  }, async () => {
    put('a.png', 'closed/b.png');
    execFileSync('chmod', ['000', join(photos, 'closed')]);
    const { code, stderr } = await restore(join(photos, '**', '*.png'), '-o', into);
    execFileSync('chmod', ['700', join(photos, 'closed')]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/warning: the folder .*closed cannot be read/)]);
  });
});

describe('one bad picture', () => {
  test('whatever it ends with, the others go on', async () => {
    put('a.png', 'b.png', 'c.png');
    for (const error of [
      new CodeFormerError('INVALID_ARGUMENT', 'A picture of 20000x10 cannot be written'),
      new CodeFormerError('OUT_OF_MEMORY', 'too large'),
      new CodeFormerError('DEVICE_LOST', 'gone'),
      new TypeError('x is not a function'),
    ]) {
      const during = once(() => {
        throw error;
      });
      const args = ['restore', photos, '-o', into, '--overwrite', '--json'];
      const { code, stdout, stderr, destroyed } = await codeformer(args, { during });
      expect([code, destroyed]).toEqual([4, 1]);
      expect(stderr).toContain(`${join(photos, 'a.png')}: ${error.message}`);
      const objects = stdout
        .toString()
        .trim()
        .split('\n')
        .map(line => JSON.parse(line));
      const known = error instanceof CodeFormerError ? error.code : 'DEFECT';
      expect(objects[0]).toEqual({ file: join(photos, 'a.png'), error: { code: known, message: error.message } });
      expect(objects.map(object => object.output !== undefined)).toEqual([false, true, true]);
    }
  });

  test('a single one has its object, too', async () => {
    const { code, stdout } = await restore(join(photos, 'none.png'), '-o', join(into, 'a.png'), '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout.toString())).toMatchObject({ error: { code: 'FILE_NOT_FOUND' } });
    const detected = await codeformer(['detect', join(photos, 'none.png'), '--json']);
    expect(JSON.parse(detected.stdout.toString())).toMatchObject({ error: { code: 'FILE_NOT_FOUND' } });
  });

  test('weights that are not there are no matter of pictures', async () => {
    put('a.png', 'b.png');
    let tried = 0;
    const open = () => {
      tried++;
      throw new CodeFormerError('FILE_NOT_FOUND', 'There is no file of weights');
    };
    const { code } = await codeformer(['restore', photos, '-o', into], { open });
    expect([code, tried]).toEqual([1, 1]);
  });
});

describe('reading', () => {
  /** Endless bytes that are counted. */
  function endless(begin: Uint8Array) {
    const counter = { bytes: 0 };
    const piece = new Uint8Array(1 << 16);
    async function* pieces() {
      yield begin;
      for (;;) {
        counter.bytes += piece.length;
        yield piece;
      }
    }
    return { counter, pieces: pieces() };
  }

  test('what is no picture is left after its beginning', async () => {
    const { counter, pieces } = endless(new Uint8Array(1));
    const { code, stderr } = await codeformer(['restore', '-', '-o', join(into, 'a.png')], { stdin: pieces });
    expect([code, stderr]).toEqual([1, expect.stringContaining('stdin: expected a PNG')]);
    expect(counter.bytes).toBeLessThan(2 ** 21);
  });

  test('a picture without end is left where the largest allowed one would have ended', async () => {
    const { counter, pieces } = endless(picture.subarray(0, 60));
    const args = ['restore', '-', '-o', join(into, 'a.png'), '--max-pixels', '100'];
    const { code, stderr } = await codeformer(args, { stdin: pieces });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/stdin: expected at most \d+ bytes .*\nhint: --max-pixels/),
    ]);
    expect(counter.bytes).toBeLessThan(2 ** 27);
  });

  test('files without end', { skip: process.platform !== 'linux' }, async () => {
    for (const path of ['/dev/zero', '/dev/urandom']) {
      const { code, stderr } = await restore(path, '-o', join(into, 'a.png'));
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${path}: expected a PNG`)]);
    }
    const codes = await restore(join(photos, 'a.png'), '--aligned', '--codes', '/dev/zero', '-o', join(into, 'a.png'));
    expect([codes.code, codes.stderr]).toEqual([1, expect.stringMatching(/\/dev\/zero: expected at most \d+ bytes/)]);
    for (const command of ['inspect', 'verify']) {
      const { code, stderr } = await codeformer(['weights', command, '/dev/zero']);
      expect([code, stderr]).toEqual([1, 'error: Expected a file but /dev/zero is not one\n']);
    }
  });

  test('a pipe that nobody writes to is left on Ctrl-C', { skip: !posix }, async () => {
    const pipe = join(folder, 'pipe.png');
    execFileSync('mkfifo', [pipe]);
    const controller = new AbortController();
    const running = codeformer(['restore', pipe, '-o', join(into, 'a.png')], { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    expect((await running).code).toBe(130);
    expect((await codeformer(['weights', 'inspect', pipe])).code).toBe(1);
    expect((await codeformer(['weights', 'verify', pipe])).code).toBe(1);
  });

  test('a pipe in a folder is no picture of it', { skip: !posix }, async () => {
    execFileSync('mkfifo', [join(photos, 'a.png')]);
    put('b.png');
    for (const named of [photos, `${photos}/*.png`]) {
      const { code, stderr } = await codeformer(['restore', named, '-o', join(into, 'new')]);
      expect([code, stderr]).toEqual([0, expect.not.stringMatching(/a\.png/)]);
    }
  });

  test('a pipe gives what is written to it', { skip: !posix }, async () => {
    const pipe = join(folder, 'pipe.png');
    execFileSync('mkfifo', [pipe]);
    const running = restore(pipe, '-o', join(into, 'a.png'));
    setTimeout(() => appendFileSync(pipe, picture), 50);
    expect((await running).code).toBe(0);
  });
});

describe('writing', () => {
  const out = () => join(into, 'out.png');

  test.each([false, true])('who comes second does not replace the first; one of a folder: %s', async several => {
    put('out.png');
    const during = () => writeFileSync(out(), 'of another process');
    const args = ['restore', several ? photos : join(photos, 'out.png'), '-o', several ? into : out()];
    const { code, stderr } = await codeformer(args, { during });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/out\.png exists already: --overwrite replaces it\n/)]);
    expect(readFileSync(out(), 'utf8')).toBe('of another process');
    expect(readdirSync(into)).toEqual(['out.png']);
    expect((await codeformer([...args, '--overwrite'], { during })).code).toBe(0);
    expect(readFileSync(out(), 'utf8')).not.toBe('of another process');
  });

  test('a link that leads nowhere is there, too', { skip: !posix }, async () => {
    put('a.png');
    symlinkSync('nowhere.png', out());
    const { code, opened } = await restore(join(photos, 'a.png'), '-o', out());
    expect([code, opened]).toEqual([1, []]);
  });

  test('places that take no files are told before the work', { skip: process.platform !== 'linux' }, async () => {
    put('a.png');
    for (const place of ['/proc/out.png', '/proc/none/', '/sys/out.png', '/dev/null/out.png']) {
      const { code, stderr, opened } = await restore(join(photos, 'a.png'), '-o', place);
      expect([place, code, opened]).toEqual([place, 1, []]);
      expect(stderr).toMatch(/cannot be (written|made): /);
    }
    const crops = await restore(join(photos, 'a.png'), '-o', out(), '--save-crops', '/proc/crops');
    expect([crops.code, crops.opened]).toEqual([1, []]);
    const generate = ['weights', 'generate', 'rrdbnet', '--config', '{"blocks":1,"channels":8,"growth":4}'];
    const saved = await codeformer([...generate, '-o', '/proc/none/x.safetensors']);
    expect([saved.code, saved.stderr]).toEqual([1, expect.stringMatching(/\/proc\/none cannot be made/)]);
    const pulled = await codeformer(['weights', 'pull', 'codeformer_inpainting', '--from', photos], {
      env: { CODEFORMER_CACHE: '/proc/none' },
    });
    expect([pulled.code, pulled.stderr]).toEqual([1, expect.stringMatching(/cannot be (made|written)/)]);
  });

  test('results are there before crops that cannot be written', async () => {
    put('a.png');
    const crops = join(folder, 'crops');
    const args = ['restore', join(photos, 'a.png'), '-o', out(), '--save-crops', crops];
    const during = () => writeFileSync(join(crops, 'restored_faces', 'a_01.png'), 'of another process');
    expect((await codeformer(args, { during, faces: 2 })).code).toBe(1);
    expect(readFileSync(out()).length).toBeGreaterThan(0);
    // What is known before the work is told before it.
    const again = await codeformer([...args, '-o', join(into, 'again.png')]);
    expect([again.code, again.opened]).toEqual([1, []]);
    expect(again.stderr).toMatch(/a_00\.png exists already/);
  });

  test('what killed runs have left is cleaned up, and nothing else', { skip: !posix }, async () => {
    put('a.png');
    // A process that has ended, and this one.
    const dead = execFileSync('sh', ['-c', 'echo $$']).toString().trim();
    await expect(
      writeFileBeside(
        join(into, 'x'),
        (async function* () {
          yield new Uint8Array(1);
          const [own] = readdirSync(into) as [string];
          const elsewhere = own.replace(/-[0-9a-f]{8}-/, '-00000000-');
          for (const [name, age] of [
            [own.replace(`-${process.pid}-`, `-${dead}-`), 0],
            [elsewhere, 0],
            [elsewhere.replace('.tmp', '0.tmp'), 48 * 3600],
            ['.codeformer-notes.tmp', 48 * 3600],
          ] as const) {
            writeFileSync(join(into, name), '');
            utimesSync(join(into, name), Date.now() / 1000 - age, Date.now() / 1000 - age);
          }
          const before = readdirSync(into).length;
          await removeLeftovers(into);
          expect([before, readdirSync(into).sort()]).toEqual([5, ['.codeformer-notes.tmp', elsewhere, own].sort()]);
          throw new Error('stop');
        })(),
      ),
    ).rejects.toThrow('stop');
    // Commands do so in the folders of their results.
    writeFileSync(join(into, `.codeformer-00000000-${dead}-a.tmp`), '');
    utimesSync(join(into, `.codeformer-00000000-${dead}-a.tmp`), 0, 0);
    expect((await restore(photos, '-o', into)).code).toBe(0);
    expect(existsSync(join(into, `.codeformer-00000000-${dead}-a.tmp`))).toBe(false);
  });

  test('stdout on a full disk is an error, a reader that has left is none to be told', async () => {
    put('a.png', 'b.png');
    const fault = (code: string) => Object.assign(new Error(`${code}: no space`), { code });
    const args = ['restore', join(photos, 'a.png')];
    const full = await codeformer(args, { stdoutError: fault('ENOSPC') });
    expect([full.code, full.stderr]).toEqual([
      1,
      'adapter: pretended\nerror: stdout cannot be written: ENOSPC: no space\n',
    ]);
    const left = await codeformer(args, { stdoutError: fault('EPIPE') });
    expect([left.code, left.stderr]).toEqual([1, 'adapter: pretended\n']);
    // What goes to files is not lost, but nothing more is begun that nobody would hear of.
    const several = await codeformer(['restore', photos, '-o', into, '--json'], { stdoutError: fault('ENOSPC') });
    expect([several.code, several.calls.length, readdirSync(into)]).toEqual([1, 1, ['a.png']]);
    for (const command of [['weights', 'list'], ['doctor'], ['--version'], ['weights', '--help']]) {
      const { code, stderr } = await codeformer(command, { stdoutError: fault('ENOSPC') });
      expect([command, code, stderr]).toEqual([command, 1, 'error: stdout cannot be written: ENOSPC: no space\n']);
    }
  });
});

describe('names on a terminal', () => {
  test('are on one line, and nothing in them is obeyed', { skip: !posix }, async () => {
    const name = 'a\n\x1b[2J\x9b31m\u202egnp.png';
    put(name);
    const { stderr, stdout } = await restore(photos, '-o', into, '--json');
    const shown = 'a\\n\\u001b[2J\\u009b31m\\u202egnp.png';
    expect(stderr).toContain(`${join(photos, shown)} -> ${join(into, shown)} (1 face)\n`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
    expect(stdout.toString()).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    expect(JSON.parse(stdout.toString()).file).toBe(join(photos, name));
    const detected = await codeformer(['detect', photos]);
    expect(detected.stdout.toString()).toContain(`${join(photos, shown)}: 1 face\n`);
    const failed = await codeformer(['detect', join(photos, '\x1b2J.png')]);
    expect(failed.stderr).toBe(`error: There is no file ${join(photos, '\\u001b2J.png')}\n`);
    const progress = await codeformer(['detect', photos], { terminal: true, env: { NO_COLOR: '1' } });
    expect(progress.stderr.replaceAll('\r\x1b[K', '')).not.toContain('\x1b');
  });

  test('passwords and tokens in addresses are used and not shown', async () => {
    const signedIn: unknown[] = [];
    const server = createServer((request, response) => {
      signedIn.push(request.headers.authorization);
      response.writeHead(403).end();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const from = `http://user:s%20ecret@127.0.0.1:${(server.address() as AddressInfo).port}/release`;
    const pulled = await codeformer(['weights', 'pull', 'codeformer', '--from', from, '--weights-dir', into]);
    server.close();
    expect([pulled.code, pulled.stderr]).toEqual([1, expect.stringContaining('403')]);
    expect(pulled.stderr).not.toContain('ecret');
    expect(signedIn).toEqual([`Basic ${Buffer.from('user:s ecret').toString('base64')}`]);
    put('a.png');
    const args = ['restore', join(photos, 'a.png'), '-o', join(into, 'a.png'), '--json'];
    const { stdout } = await codeformer([...args, '--weights', 'https://user:secret@host/w.pth?token=secret']);
    expect(JSON.parse(stdout.toString()).model).toBe('https://***@host/w.pth?***');
  });
});
