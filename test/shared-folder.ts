// Where reference outputs lie, and prototypes that are measured beside the kernels. They are not part of the package.

import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** `CODEFORMER_FIXTURES`, or the folder `shared` beside the checkout. */
const folder = resolve(root, process.env.CODEFORMER_FIXTURES ?? '../shared');

/** A path in the folder, which may be absent. */
export function shared(...parts: string[]): string {
  return join(folder, ...parts);
}
