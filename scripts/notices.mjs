// Licence notices of the packages whose code bundles carry, told from what esbuild says of its outputs.

import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The file with all notices beside the bundles. */
export const NOTICES = 'NOTICES.txt';

/**
 * The notices that each output needs, by its path: for each package with code in it, its name, version, licence and the text of
 * that. Outputs without foreign code are left out.
 * @param outputs those of esbuild's metafile
 * @throws where a package has no licence file: its code cannot be shipped
 */
export async function noticesOf(outputs) {
  const notices = new Map();
  for (const [name, { inputs }] of Object.entries(outputs)) {
    const used = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    const folders = new Set(used.map(([input]) => packageFolder(input)).filter(folder => folder !== null));
    const texts = await Promise.all([...folders].sort().map(noticeOf));
    if (texts.length > 0) notices.set(resolve(name), texts.join('\n\n'));
  }
  return notices;
}

/** One text with each notice once. */
export const allNotices = notices => {
  const texts = [...new Set(notices.values())].sort();
  return `What is bundled here of other packages, and under which licences.\n\n${texts.join('\n\n')}\n`;
};

/** As a comment that minifiers and bundlers keep. */
export const noticeComment = notice => `/*! ${notice.replaceAll('*/', '* /')} */`;

/** The innermost package that a file belongs to, or null for files of this project. */
const packageFolder = input => /^.*(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0] ?? null;

async function noticeOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find(entry => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} has no licence file, so its code cannot be bundled`);
  return `${name} ${version} (${license})\n\n${(await readFile(join(folder, file), 'utf8')).trim()}`;
}
