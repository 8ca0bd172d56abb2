// The README does what it says: each of its blocks and commands, as it stands there, in the order in which it stands there. Those for
// people who use the package run in an empty folder with the package as it is published; those for people who change it in a copy of the
// checkout. What cannot be had without the network has a stand-in, named here.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../src/node/index.js';
import { npmInstall, packProject, run } from './installed.js';
import { PYTHON } from './server/services.js';
import { launchChromium } from './web/chromium.js';
import { serveProject, type TestServer } from './web/server.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(join(root, 'README.md'), 'utf8');

/** A block of the README: commands that are set off, or a program with its language. */
interface Block {
  readonly language: string | null;
  readonly text: string;
  readonly line: number;
}

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  const pattern = /^```(\w*)\n([\s\S]*?)^```$|(?:^ {4}.+\n)+/gm;
  for (const match of markdown.matchAll(pattern)) {
    const fenced = match[2] !== undefined;
    const text = fenced ? match[2]! : match[0].replace(/^ {4}/gm, '');
    const line = markdown.slice(0, match.index).split('\n').length;
    blocks.push({ language: fenced ? match[1]! : null, text, line });
  }
  return blocks;
}

const blocks = blocksOf(readme);
const commands = blocks.filter(({ language }) => language === null).flatMap(({ text }) => text.trimEnd().split('\n'));
const programs = blocks.filter(({ language }) => language === 'js');
/** Calls of a server that runs, for a shell and for Python. */
const calls = blocks.filter(({ language }) => language !== null && language !== 'js');
/** Commands inside of sentences. */
const mentioned = [...readme.matchAll(/`((?:npm|npx|node|bash|codeformer) [^`]+)`/g)].map(([, command]) => command!);

/** A folder with the package, as somebody has who uses it. */
let user: string;
/** A copy of the checkout, as somebody has who changes it. */
let checkout: string;
/** Gives files instead of the hosts of official weights. */
let host: TestServer;

const CROP_SIDE = 256;

beforeAll(async () => {
  user = await mkdtemp(join(tmpdir(), 'codeformer-readme-'));
  host = await serveProject(user);
  const face = sharp(join(root, 'docs/samples/astronaut.png')).extract({ left: 126, top: 10, width: 200, height: 200 });
  await mkdir(join(user, 'photos'));
  await face.clone().resize(160).jpeg().toFile(join(user, 'photo.jpg'));
  await cp(join(user, 'photo.jpg'), join(user, 'photos/first.jpg'));
  await face.clone().resize(CROP_SIDE).png().toFile(join(user, 'crop.png'));
});
afterAll(async () => {
  await host?.close();
  for (const folder of [user, checkout]) if (folder) await rm(folder, { recursive: true, force: true });
});

/** Runs a line in a shell. */
const shell = (folder: string, line: string) => run(folder, 'bash', ['-c', line]);

const sizeOf = async (name: string) => {
  const { width, height } = await decodeImage(await readFile(join(user, name)));
  return [width, height];
};

/** Runs a line of somebody who uses the package, which makes a picture. */
const makes =
  (name: string, size: number | null = 320) =>
  async (line: string) => {
    expect(existsSync(join(user, name))).toBe(false);
    await shell(user, line);
    const [width, height] = await sizeOf(name);
    if (size) expect([width, height]).toEqual([size, size]);
  };

/** A script that another test runs, or `.ci/run`. */
const runIn = (file: string, words: string) => async () => {
  expect(await readFile(join(root, file), 'utf8')).toContain(words);
};

/** Milliseconds within which the project is installed, built, packed, and its package installed. */
const INSTALLING = 400_000;

/** How each command runs. One that is new in the README needs its line here. */
const RUNNERS: Readonly<Record<string, (line: string) => Promise<unknown>>> = {
  // The tarball stands for the registry.
  'npm install codeformer-webgpu': async () => {
    await writeFile(join(user, 'package.json'), '{ "private": true }\n');
    await npmInstall(user, await packProject());
    // As `npm install @fal-ai/client` makes it.
    await mkdir(join(user, 'node_modules/@fal-ai'), { recursive: true });
    await symlink(join(root, 'node_modules/@fal-ai/client'), join(user, 'node_modules/@fal-ai/client'));
  },
  'npx codeformer restore photo.jpg -o restored.png': makes('restored.png'),
  'npx codeformer restore photo.jpg -o faithful.png --fidelity 0.7': makes('faithful.png'),
  'npx codeformer restore photos/ -o restored/': async line => {
    await shell(user, line);
    expect(await readdir(join(user, 'restored'))).toEqual(['first.png']);
    expect(await sizeOf('restored/first.png')).toEqual([320, 320]);
  },
  'npx codeformer detect photo.jpg --draw faces.png': makes('faces.png', 160),
  'npx codeformer sweep photo.jpg -o sheet.png': makes('sheet.png', null),
  // A server of the test's, whose file is not the official one and must be refused.
  'npx codeformer weights pull codeformer': async line => {
    host.routes.set('/codeformer.pth', (_, response) => response.end('no weights'));
    const cache = join(user, 'cache');
    const pull = run(user, 'bash', ['-c', `${line} --from ${host.origin}`], { CODEFORMER_CACHE: cache });
    await expect(pull).rejects.toThrow(/codeformer\.pth/);
    expect(host.requests.map(({ path }) => path)).toContain('/codeformer.pth');
    const left = existsSync(cache) ? await readdir(cache, { recursive: true }) : [];
    expect(left.filter(name => name.endsWith('.pth'))).toEqual([]);
  },
  'npm run dev': async line => {
    const url = /http:\/\/localhost:(\d+)/.exec(readme)![0];
    expect(await readFile(join(root, 'scripts/demo.mjs'), 'utf8')).toContain(`default: '${new URL(url).port}'`);
    // Another port, because somebody may use that one.
    const server = spawn('bash', ['-c', `exec ${line} -- --port 0`], { cwd: await copy(), detached: true });
    try {
      const page = await fetch(await firstMatch(server, /http:\/\/localhost:\d+\//));
      expect(await page.text()).toContain('<title>');
    } finally {
      process.kill(-server.pid!);
    }
  },
  'npx codeformer codes crop.png > codes.json': async line => {
    await shell(user, line);
    expect(JSON.parse(await readFile(join(user, 'codes.json'), 'utf8'))).toHaveProperty('indices');
  },
  'npx codeformer restore crop.png --aligned --codes codes.json -o changed.png': makes('changed.png', CROP_SIDE),
  // This very run.
  'npm ci && npm test': runIn('.ci/run', 'tests test'),
  'bash .ci/run': runIn('.ci/run', 'newcomer'),
  'npm run build:demo': runIn('test/built.ts', "script('demo.mjs'), 'build'"),
  'npm run lint': runIn('.ci/run', 'npm run lint'),
  'npm run docs': runIn('.ci/run', 'npm run docs'),
  'npm run fuzz': runIn('package.json', '"fuzz": "node scripts/run.mjs test/fuzz/main.ts"'),
  'npm run mutants': runIn('package.json', '"mutants": "node scripts/run.mjs test/mutants/main.ts"'),
  'npm run test:examples': runIn('.ci/run', 'tests test:examples'),
  'npm run build': runIn('.ci/run', 'npm run build'),
  'npm run format': async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(scripts.format).toBe('biome check --write .');
  },
  'npm run bench': async line => {
    const { stdout } = await shell(await copy(), `${line} -- --help`);
    expect(stdout).toMatch(/^Usage: npm run bench/m);
  },
  'npm run bench -- --help': async line => {
    await shell(await copy(), line);
  },
  // What it measures takes minutes.
  'codeformer bench': line => shell(user, `npx ${line} --help`),
  // The server of the README, below.
  'codeformer serve': runIn('README.md', 'npx codeformer serve'),
  'codeformer doctor': line => shell(user, `npx ${line}`),
  'codeformer weights list': line => shell(user, `npx ${line}`),
  'codeformer codes --help': line => shell(user, `npx ${line}`),
  'codeformer weights pull codeformer': line => RUNNERS[`npx ${line}`]!(`npx ${line}`),
};

/** The checkout with what is not committed yet, and with its packages. */
async function copy(): Promise<string> {
  if (checkout) return checkout;
  const folder = await mkdtemp(join(tmpdir(), 'codeformer-checkout-'));
  const { stdout } = await run(root, 'git', ['ls-files', '-z', '-co', '--exclude-standard']);
  for (const name of stdout.split('\0').filter(name => name && existsSync(join(root, name)))) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await cp(join(root, name), join(folder, name));
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  checkout = folder;
  return folder;
}

/** What a program says first that is a match. */
function firstMatch(server: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (data: Buffer) => {
      said += data;
      const url = pattern.exec(said);
      if (url) resolve(url[0]);
    };
    server.stdout!.on('data', listen);
    server.stderr!.on('data', listen);
    server.on('exit', () => reject(new Error(said)));
  });
}

describe('commands of the README', () => {
  test('are all there', () => {
    expect(commands.length).toBeGreaterThan(8);
    expect([...commands, ...mentioned].filter(command => !RUNNERS[command])).toEqual([]);
  });

  for (const command of commands) test(command, { timeout: INSTALLING }, () => RUNNERS[command]?.(command));
  for (const command of new Set(mentioned.filter(command => !commands.includes(command))))
    test(`\`${command}\``, () => RUNNERS[command]?.(command));
});

/** Where the README has its server, and the picture that it fetches. */
const SERVER = 'http://127.0.0.1:8080';
const PICTURE = 'https://example.org/photo.jpg';

describe('the server of the README', () => {
  const [command, curl, python] = calls;
  const javascript = programs.find(({ text }) => text.includes('@fal-ai/client'))!;
  let server: ChildProcess;
  let url: string;
  /** A call as it stands there, but for the addresses. */
  const addressed = ({ text }: Block) => {
    for (const address of [SERVER, PICTURE]) expect(text).toContain(address);
    return text.replaceAll(SERVER, url).replaceAll(PICTURE, `${host.origin}/photo.jpg`);
  };
  const env = { FAL_KEY: 'any' };
  const isFile = expect.stringMatching(/\/files\/results\/[\w-]{32}\.png$/);

  beforeAll(async () => {
    const cache = join(user, 'server-cache');
    const line = `exec ${command!.text.trim()} --port 0 --allow-private-urls`;
    server = spawn('bash', ['-c', line], {
      cwd: user,
      detached: true,
      env: { ...process.env, CODEFORMER_CACHE: cache },
    });
    url = await firstMatch(server, /(?<="url":")[^"]+/);
  });
  afterAll(() => void process.kill(-server.pid!));

  test('is all there', () => {
    expect(calls.map(({ language }) => language)).toEqual(['sh', 'sh', 'python']);
    expect(readme).toContain(`answers at ${SERVER} `);
  });

  test('by cURL', async () => {
    const { stdout } = await run(user, 'bash', ['-c', addressed(curl!)], env);
    const { image, seed } = JSON.parse(stdout);
    expect({ ...image, seed }).toMatchObject({ url: isFile, width: 320, height: 320, seed: expect.any(Number) });
    expect(await decodeImage(await (await fetch(image.url)).arrayBuffer())).toMatchObject({ width: 320 });
  });

  test('from JavaScript', async () => {
    await writeFile(join(user, 'call.mjs'), addressed(javascript));
    const { stdout } = await run(user, process.execPath, ['call.mjs'], env);
    expect(stdout.trim().split(/\s+/).at(-1)).toEqual(isFile);
  });

  test.skipIf(PYTHON === undefined)('from Python', async () => {
    await writeFile(join(user, 'call.py'), addressed(python!));
    const { stdout } = await run(user, PYTHON!, ['call.py'], env);
    expect(stdout.trim().split('\n').at(-1)).toEqual(isFile);
  });
});

describe('programs of the README', () => {
  const isForBrowsers = (text: string) => /codeformer-webgpu\/client|\bdocument\b/.test(text);
  const chromium = launchChromium();
  afterAll(async () => (await chromium)?.close());

  test('are all there', () => {
    expect(programs.length).toBeGreaterThanOrEqual(3);
  });

  const isCall = (text: string) => text.includes('@fal-ai/client');
  for (const { text, line } of programs.filter(({ text }) => !isForBrowsers(text) && !isCall(text))) {
    test(`line ${line}, in Node`, async () => {
      await rm(join(user, 'restored.png'), { force: true });
      const file = join(user, `line-${line}.mjs`);
      await writeFile(file, text);
      // What is not closed is told of when it is collected, which is made certain here.
      const { stderr } = await run(user, process.execPath, ['--expose-gc', '--import', collecting(), file]);
      expect(stderr).toBe('');
      expect(existsSync(join(user, 'restored.png'))).toBe(text.includes('restored.png'));
    });
  }

  for (const { text, line } of programs.filter(({ text }) => isForBrowsers(text))) {
    test(`line ${line}, in Chromium`, async context => {
      const browser = await chromium;
      if (!browser) return context.skip();
      const server = await serveProject(user);
      const imports = { 'codeformer-webgpu/client': '/node_modules/codeformer-webgpu/dist/client.js' };
      const program = `${text}\nglobalThis.made = [...image.subarray(0, 8)];\n`;
      const html = `<!doctype html><meta charset="utf-8"><title>README</title><link rel="icon" href="data:,">
        <script type="importmap">${JSON.stringify({ imports })}</script>
        <img src="photo.jpg" alt=""><script type="module">${program}</script>`;
      server.routes.set('/page.html', (_, response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end(html),
      );
      const page = await browser.newPage();
      const faults: string[] = [];
      page.on('pageerror', error => faults.push(String(error)));
      await page.goto(`${server.origin}/page.html`);
      await expect.poll(() => page.evaluate('globalThis.made'), { timeout: 60_000 }).toEqual([...PNG_MAGIC]);
      expect(faults).toEqual([]);
      await page.close();
      await server.close();
    });
  }

  const checkTypes = async (folder: string, checked: readonly Block[], options: object) => {
    await mkdir(folder);
    for (const { text, line } of checked) await writeFile(join(folder, `line-${line}.ts`), text);
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2022', 'dom', 'dom.iterable', 'esnext.disposable'],
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      strict: true,
      noEmit: true,
      ...options,
    };
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    await run(folder, process.execPath, [join(root, 'node_modules/typescript/bin/tsc')]);
  };
  const bundler = { module: 'esnext', moduleResolution: 'bundler', customConditions: ['node'] };
  const nodenext = { module: 'nodenext', moduleResolution: 'nodenext' };

  test.each(Object.entries({ bundler, nodenext }))(
    'are right for TypeScript with moduleResolution %s',
    (name, options) =>
      checkTypes(
        join(user, `types-${name}`),
        programs.filter(({ text }) => !isCall(text)),
        options,
      ),
  );

  // The types of that client are 3 MB, which need no check of their own.
  test('call the server as TypeScript has its client', () =>
    checkTypes(
      join(user, 'types-call'),
      programs.filter(({ text }) => isCall(text)),
      { ...bundler, skipLibCheck: true },
    ));
});

const PNG_MAGIC = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/** A module that collects garbage before the process ends. */
function collecting(): string {
  const source = `process.on('beforeExit', async () => { if (globalThis.collected) return; globalThis.collected = true;
    for (let i = 0; i < 5; i++) { gc(); await new Promise(resolve => setTimeout(resolve, 20)); } });`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
