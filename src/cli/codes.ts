// `codeformer codes`: the codes that the network predicts for an aligned crop, without making a picture of them.

import { CodeFormerError } from '../errors.js';
import { formatFaceCodes } from '../pipeline/face-codes.js';
import type { Services } from './engine.js';
import { chooseWeights, engineFlags, NETWORK_FLAGS } from './engine.js';
import { COMMON_FLAGS, describeFlags, type Flags, parseFlags } from './flags.js';
import { expandInputs, nameOf, readPicture } from './inputs.js';
import { type Io, talk, writeStdout } from './io.js';

const FLAGS = { 'weights-dir': NETWORK_FLAGS['weights-dir'], ...COMMON_FLAGS } as const satisfies Flags;

export const CODES_HELP = `Usage: codeformer codes IN [flags]

Prints the codes of an aligned face crop as a document that \`restore --codes\` takes: { format, version, file, size, grid, codebook,
fingerprint, model, indices, margins }. Indices are the codes of a grid x grid of places, row by row, each below codebook; margins are
the logit of each code minus that of the second best; the fingerprint tells the network. Documents may also have fidelity (a number,
or { runs }: in base64, pairs of bytes, 255 times w and how many more pixels have it), adain, and sampling: { temperature, seed },
where codes were drawn. IN is a picture or - for stdin.

${describeFlags(FLAGS)}`;

export async function codesCommand(args: readonly string[], io: Io, services: Services): Promise<number> {
  const { values, inputs } = parseFlags('codes', FLAGS, args);
  if (values.help) {
    await writeStdout(io, CODES_HELP);
    return 0;
  }
  const expanded = await expandInputs(inputs);
  const [input] = expanded.files;
  if (!input || expanded.several)
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `Expected one picture for codes but received ${inputs.length || 'none'}`,
    );
  const { engine: engineOptions, maxPixels } = engineFlags(values);
  const say = talk(io, values.quiet ?? false);
  const picture = await readPicture(input, maxPixels, io);
  say.progress('loading', 0);
  const { weights, warnings } = await chooseWeights(values, ['restorer'], io);
  for (const warning of warnings) say.warn(warning);
  const options = { ...engineOptions, ...weights, signal: io.signal };
  const engine = await services.openEngine(options).finally(() => say.progress('', 1));
  const file = input.name;
  try {
    const onProgress = (share: number) => say.progress(nameOf(file), share);
    const work = engine.encode(picture, { signal: io.signal, onProgress });
    using encoded = await work.finally(() => say.progress('', 1));
    for (const warning of encoded.warnings) say.warn(`${nameOf(file)}: ${warning}`);
    const { size, model, codes } = engine.info;
    const { indices, margin: margins } = encoded;
    await writeStdout(io, `${formatFaceCodes({ file, size, ...codes!, model, indices, margins })}\n`);
    return 0;
  } finally {
    await engine.destroy();
  }
}
