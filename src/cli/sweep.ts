// `codeformer sweep`: a contact sheet of faces restored at several fidelities.

import { CodeFormerError } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { encodeImage } from '../node/images.js';
import { type About, runBatch } from './batch.js';
import { command } from './command.js';
import { contactSheet } from './drawing.js';
import { type Engine, engineFlags, NETWORK_FLAGS } from './engine.js';
import { COMMON_FLAGS } from './flags.js';
import { expandInputs } from './inputs.js';
import { checkFolders, checkFree, deliver, type Job, planJobs, splitOutput, typeFor } from './outputs.js';
import { counted, listFlag, PIPELINE_FLAGS, pipelineOptions } from './restore.js';

const { strength: _strength, 'never-worse': _neverWorse, ...FACE_FLAGS } = PIPELINE_FLAGS;

export const sweep = command({
  summary: 'show faces at several fidelities on one sheet',
  positional: 'IN...',
  usage: 'IN... [-o OUT] [flags]',
  about:
    'Writes a sheet with a row for each face: the crop, then what is restored of it at each fidelity. IN and OUT are as for restore.',
  flags: {
    output: {
      value: 'OUT',
      short: 'o',
      aliases: ['output-path'],
      help: 'file (.png, .jpg, .webp), folder ending with /, or - (default) for stdout',
    },
    fidelity: {
      value: 'LIST',
      short: 'w',
      aliases: ['fidelity-weight'],
      help: 'fidelities (default 0,0.25,0.5,0.75,1)',
    },
    aligned: { aliases: ['has-aligned'], help: 'the pictures are aligned face crops' },
    ...FACE_FLAGS,
    overwrite: { help: 'replace files that exist' },
    detector: NETWORK_FLAGS.detector,
    'weights-dir': NETWORK_FLAGS['weights-dir'],
    ...COMMON_FLAGS,
  },
  async run({ values, inputs }, io, services) {
    const { aligned = false, overwrite = false } = values;
    const device = engineFlags(values);
    const share = (value: number) => value >= 0 && value <= 1;
    const fidelity = listFlag(
      'fidelity',
      values.fidelity ?? '0,0.25,0.5,0.75,1',
      'numbers from 0 to 1 as 0,0.5,1',
      share,
    )!;
    // The photos themselves are not shown, so they are not enlarged.
    const size = { maxPixels: device.maxPixels, upscaling: aligned ? undefined : 1 };
    const options = { ...pipelineOptions(values), ...size, fidelity, aligned };
    const { inputs: named, output } = await splitOutput(inputs, values.output);
    const expanded = await expandInputs(named);
    const plan = await planJobs('sweep', expanded, { output });
    await checkFolders(plan, output, io);

    const check = (job: Job) => checkFree(job.output, plan.folder, overwrite);
    const work = async ({ output }: Job, picture: Picture, engine: Engine, { name, say, run }: About) => {
      const swept = await engine.sweep(picture, { ...options, ...run, output: undefined });
      for (const warning of swept.warnings) say.warn(`${name}: ${warning}`);
      if (swept.faces.length === 0)
        throw new CodeFormerError('INVALID_IMAGE', `${name}: expected a face to show but none was found`);
      const rows = swept.faces.map(({ crop }, i) => [crop, ...swept.images.map(({ faces }) => faces[i]!)]);
      const sheet = contactSheet(rows, ['', ...fidelity.map(String)]);
      await deliver(output, await encodeImage(sheet, { type: typeFor(output) }), overwrite, io);
      if (output !== '-') say.note(`${name} -> ${output} (${counted(rows.length)})`);
    };
    const roles = aligned ? (['restorer'] as const) : (['restorer', 'detector'] as const);
    const { jobs } = plan;
    return runBatch({ jobs, values, device, roles, warnings: expanded.warnings, check, work }, io, services);
  },
});
