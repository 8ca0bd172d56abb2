// `codeformer weights list` and `pull`: the files that the package has, and those that their authors released.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CodeFormerError } from '../errors.js';
import { weightsCacheFolder } from '../node/cache.js';
import { embeddedWeights } from '../node/embedded.js';
import { pullFile } from '../node/pull.js';
import { OFFICIAL_FILES, type OfficialFile, officialFile } from '../weights/official.js';
import { talk, writeJson, writeStdout } from './io.js';
import { nearest } from './nearest.js';
import { type Arguments, grouped, type WeightsIo, type WeightsValues } from './weights-flags.js';

export async function list({ values }: Arguments, io: WeightsIo): Promise<number> {
  const folder = folderOf(values, io);
  const embedded = await embeddedWeights();
  const rows = [
    ...embedded.manifest.files.map(entry => ({
      file: entry.file,
      role: entry.role,
      network: entry.network,
      bytes: entry.bytes,
      sha256: entry.sha256,
      licence: entry.licence,
      source: 'embedded',
      path: join(embedded.folder, entry.file),
      card: entry.card ?? {},
    })),
    ...OFFICIAL_FILES.map(({ file, role, network, bytes, sha256, licence, url }) => ({
      file,
      role,
      network,
      bytes: bytes ?? null,
      sha256: sha256 ?? null,
      licence,
      source: url,
      path: join(folder, file),
      card: {} as Readonly<Record<string, string>>,
    })),
  ];
  const found = await Promise.all(
    rows.map(async row => {
      const info = await stat(row.path).catch(() => null);
      return { ...row, present: Boolean(info?.isFile() && (row.bytes === null || info.size === row.bytes)) };
    }),
  );
  if (values.json) {
    await writeJson(io, found, 2);
    return 0;
  }
  const blocks = found.map(row =>
    [
      `${row.file}  (${row.role}, ${row.network})`,
      `  size     ${row.bytes === null ? 'not known' : `${grouped(row.bytes)} bytes`}`,
      `  SHA-256  ${row.sha256 ?? 'not known'}`,
      `  licence  ${row.licence}`,
      `  from     ${row.source}`,
      `  here     ${row.present ? row.path : 'no'}`,
      ...Object.entries(row.card).map(([about, text]) => `  ${about.padEnd(8)} ${folded(text)}`),
    ].join('\n'),
  );
  await writeStdout(io, `${blocks.join('\n\n')}\n`);
  return 0;
}

/** A text in lines below each other, as wide as a terminal usually is. */
const folded = (text: string): string => text.replace(/(.{1,88})(?: +|$)/g, '$1\n           ').trimEnd();

export async function pull({ inputs, values }: Arguments, io: WeightsIo): Promise<number> {
  const [name] = inputs as [string];
  const one = officialFile(name);
  if (!one && name !== 'all') throw unknownName(name);
  const folder = folderOf(values, io);
  const say = talk({ stderr: io.stderr, env: io.env ?? process.env }, values.quiet ?? false);
  for (const file of one ? [one] : OFFICIAL_FILES) {
    const to = join(folder, file.file);
    const { bytes: size, sha256 } = file;
    const { fetch, ...from } = values.from === undefined ? { url: file.url } : placeOf(values.from, file);
    const onProgress = ({ received, total }: { received: number; total: number | undefined }) =>
      say.progress(`${file.file}  ${(received / 1e6).toFixed(1)} MB`, total ? Math.min(received / total, 0.999) : null);
    const work = pullFile({ from, to, size, sha256, fetch, signal: io.signal, onProgress });
    const result = await work.finally(() => say.progress('', 1));
    say.note(`${file.file}: ${result === 'present' ? 'is here already' : 'done'}, ${to}`);
  }
  return 0;
}

function unknownName(name: string): CodeFormerError {
  const names = OFFICIAL_FILES.map(({ file }) => file);
  const meant = nearest(name, ['all', ...names.flatMap(file => [file, file.replace('.pth', '')])]);
  const question = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new CodeFormerError(
    'INVALID_ARGUMENT',
    `Expected all or one of ${names.join(', ')} for NAME but received ${JSON.stringify(name)}${question}`,
  );
}

type Place = { url: string; fetch?: typeof globalThis.fetch } | { directory: string; fetch?: undefined };

/** Where a file is under another address, which may be that of the file itself, or in a folder. */
function placeOf(from: string, { file }: OfficialFile): Place {
  if (!/^https?:/i.test(from)) return { directory: from };
  const text = from.endsWith(`/${file}`) ? from : `${from.replace(/\/+$/, '')}/${file}`;
  if (!URL.canParse(text)) return { url: text };
  const url = new URL(text);
  const { username, password } = url;
  if (username === '' && password === '') return { url: text };
  // Of names and passwords in an address, `fetch` takes none.
  const secret = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  [url.username, url.password] = ['', ''];
  const signedIn: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Basic ${secret}`);
    return fetch(input, { ...init, headers });
  };
  return { url: url.href, fetch: signedIn };
}

const folderOf = (values: WeightsValues, { env }: WeightsIo): string =>
  values['weights-dir'] ?? weightsCacheFolder(env);
