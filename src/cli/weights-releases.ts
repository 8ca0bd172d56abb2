// `codeformer weights list` and `pull`: the files that the package has, and those that their authors released.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { weightsCacheFolder } from '../node/cache.js';
import { embeddedWeights } from '../node/embedded.js';
import { pullFile } from '../node/pull.js';
import { OFFICIAL_FILES, type OfficialFile, officialFile } from '../weights/official.js';
import { command, unknownWord } from './command.js';
import { grouped, talk, writeJson, writeStdout } from './io.js';

export const list = command({
  summary: 'embedded and released files, what they are, and which of them are here',
  usage: '[--json] [--weights-dir DIR]',
  about:
    'Embedded and released files with size, SHA-256, licence and address, and whether they are in DIR (default: the cache).',
  flags: {
    json: { help: 'print one JSON object' },
    'weights-dir': { value: 'DIR', help: 'folder of the files (default: the cache)' },
  },
  async run({ values }, io) {
    const folder = values['weights-dir'] ?? weightsCacheFolder(io.env);
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
  },
});

/** A text in lines below each other, as wide as a terminal usually is. */
const folded = (text: string): string => text.replace(/(.{1,88})(?: +|$)/g, '$1\n           ').trimEnd();

export const pull = command({
  summary: 'gets released files',
  positional: 'NAME',
  usage: 'NAME|all [--from URL|DIR] [--weights-dir DIR] [--quiet]',
  about: `Gets released files by their names (with or without .pth). Size and SHA-256 are checked, a broken download continues
where it stopped. The files are the work of their authors under their licences, which \`list\` names.`,
  flags: {
    from: {
      value: 'F',
      help: 'address or folder to get files from under the same names, instead of the official address',
    },
    'weights-dir': { value: 'DIR', help: 'folder to put them in (default: the cache)' },
    quiet: { short: 'q', help: 'say nothing but errors' },
  },
  async run({ values, inputs }, io) {
    const [name] = inputs as [string];
    const one = officialFile(name);
    if (!one && name !== 'all') {
      const names = OFFICIAL_FILES.map(({ file }) => file);
      const known = ['all', ...names.flatMap(file => [file, file.replace('.pth', '')])];
      throw unknownWord(name, `all or one of ${names.join(', ')}`, 'NAME', known);
    }
    const folder = values['weights-dir'] ?? weightsCacheFolder(io.env);
    const say = talk(io, values.quiet ?? false);
    for (const file of one ? [one] : OFFICIAL_FILES) {
      const to = join(folder, file.file);
      const { bytes: size, sha256 } = file;
      const { fetch, ...from } = values.from === undefined ? { url: file.url } : placeOf(values.from, file);
      const onProgress = ({ received, total }: { received: number; total: number | undefined }) =>
        say.progress(
          `${file.file}  ${(received / 1e6).toFixed(1)} MB`,
          total ? Math.min(received / total, 0.999) : null,
        );
      const work = pullFile({ from, to, size, sha256, fetch, signal: io.signal, onProgress });
      const result = await work.finally(say.clear);
      say.note(`${file.file}: ${result === 'present' ? 'is here already' : 'done'}, ${to}`);
    }
    return 0;
  },
});

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
