// The package that the command line is part of, as source or bundled.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** Path of package.json: a package may import itself by its name from anywhere inside. */
const manifest = (): string => createRequire(import.meta.url).resolve('codeformer-webgpu/package.json');

/** The folder of the package. */
export const packageFolder = (): string => dirname(manifest());

export async function packageVersion(): Promise<string> {
  return (JSON.parse(await readFile(manifest(), 'utf8')) as { version: string }).version;
}
