// `codeformer codes`: the codes that the network predicts for an aligned crop, without making a picture of them.

import { invalidArgument } from '../errors.js';
import { engineFlags } from './engine.js';
import { COMMON_FLAGS, describeFlags, parseFlags } from './flags.js';
import { type Io, talk, writeStdout } from './io.js';
import type { Services } from './main.js';
import { readPicture } from './restore.js';

export const CODES_HELP = `Usage: codeformer codes IN [flags]

Prints { file, size, indices, margins, model } of an aligned face crop: for each token the code, and the logit of that code
minus that of the second best. IN is a picture or - for stdin.

${describeFlags(COMMON_FLAGS)}`;

export async function codesCommand(args: readonly string[], io: Io, services: Services): Promise<number> {
  const { values, inputs } = parseFlags('codes', COMMON_FLAGS, args);
  if (values.help) {
    await writeStdout(io, CODES_HELP);
    return 0;
  }
  const [file] = inputs;
  if (file === undefined || inputs.length > 1) throw invalidArgument('one picture', 'codes', inputs.length);
  const { engine: engineOptions, maxPixels } = engineFlags(values);
  const say = talk(io, values.quiet ?? false);
  const picture = await readPicture(file, maxPixels, io);
  say.progress('loading', 0);
  const engine = await services.openEngine({ ...engineOptions, signal: io.signal }).finally(() => say.progress('', 1));
  try {
    const onProgress = (share: number) => say.progress(file, share);
    const work = engine.codes(picture, { signal: io.signal, onProgress });
    const { indices, margins, warnings } = await work.finally(() => say.progress('', 1));
    for (const warning of warnings) say.warn(`${file === '-' ? 'stdin' : file}: ${warning}`);
    const { size, model } = engine;
    await writeStdout(io, `${JSON.stringify({ file, size, indices: [...indices], margins: [...margins], model })}\n`);
    return 0;
  } finally {
    await engine.destroy();
  }
}
