// `codeformer codes`: the codes that the network predicts for an aligned crop, without making a picture of them.

import { invalidArgument } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { formatFaceCodes } from '../pipeline/face-codes.js';
import { type About, runBatch } from './batch.js';
import { command } from './command.js';
import { type Engine, engineFlags, NETWORK_FLAGS } from './engine.js';
import { COMMON_FLAGS } from './flags.js';
import { expandInputs } from './inputs.js';
import { writeStdout } from './io.js';
import type { Job } from './outputs.js';

export const codes = command({
  summary: 'print the codes of an aligned face crop as JSON',
  positional: 'IN',
  usage: 'IN [flags]',
  about: `Prints the codes of an aligned face crop as a document that \`restore --codes\` takes: { format, version, file, size, grid, codebook,
fingerprint, model, indices, margins }. Indices are the codes of a grid x grid of places, row by row, each below codebook; margins are
the logit of each code minus that of the second best; the fingerprint tells the network. Documents may also have fidelity (a number,
or { runs }: in base64, pairs of bytes, 255 times w and how many more pixels have it), adain, and sampling: { temperature, seed },
where codes were drawn. IN is a picture or - for stdin.`,
  flags: { 'weights-dir': NETWORK_FLAGS['weights-dir'], ...COMMON_FLAGS },
  async run({ values, inputs }, io, services) {
    const device = engineFlags(values);
    const { files, several, warnings } = await expandInputs(inputs);
    if (several) throw invalidArgument('one picture', 'codes', inputs[0]);
    const work = async ({ input }: Job, picture: Picture, engine: Engine, { name, say, run }: About) => {
      using encoded = await engine.encode(picture, run);
      for (const warning of encoded.warnings) say.warn(`${name}: ${warning}`);
      const { size, model, codes } = engine.info;
      const { indices, margin: margins } = encoded;
      say.clear();
      await writeStdout(io, `${formatFaceCodes({ file: input.name, size, ...codes!, model, indices, margins })}\n`);
    };
    const jobs = files.map(input => ({ input, output: '-', name: '' }));
    return runBatch({ jobs, values, device, roles: ['restorer'], warnings, work }, io, services);
  },
});
