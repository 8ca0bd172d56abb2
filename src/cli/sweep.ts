// `codeformer sweep`: a contact sheet of faces restored at several fidelities.

import { CodeFormerError } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { encodeImage } from '../node/images.js';
import { runBatch } from './batch.js';
import { contactSheet } from './drawing.js';
import type { Services } from './engine.js';
import { chooseWeights, type Engine, engineFlags, NETWORK_FLAGS } from './engine.js';
import { COMMON_FLAGS, describeFlags, type Flags, parseFlags } from './flags.js';
import { expandInputs, nameOf } from './inputs.js';
import { type Io, type Talk, writeStdout } from './io.js';
import { checkFolders, checkFree, deliver, type Job, planJobs, splitOutput, typeFor } from './outputs.js';
import { counted, listFlag, PIPELINE_FLAGS, pipelineOptions } from './restore.js';

const { strength: _strength, 'never-worse': _neverWorse, ...FACE_FLAGS } = PIPELINE_FLAGS;

const FLAGS = {
  output: {
    value: 'OUT',
    short: 'o',
    aliases: ['output-path'],
    help: 'file (.png, .jpg, .webp), folder ending with /, or - (default) for stdout',
  },
  fidelity: { value: 'LIST', short: 'w', aliases: ['fidelity-weight'], help: 'fidelities (default 0,0.25,0.5,0.75,1)' },
  aligned: { aliases: ['has-aligned'], help: 'the pictures are aligned face crops' },
  ...FACE_FLAGS,
  overwrite: { help: 'replace files that exist' },
  detector: NETWORK_FLAGS.detector,
  'weights-dir': NETWORK_FLAGS['weights-dir'],
  ...COMMON_FLAGS,
} as const satisfies Flags;

export const SWEEP_HELP = `Usage: codeformer sweep IN... [-o OUT] [flags]

Writes a sheet with a row for each face: the crop, then what is restored of it at each fidelity. IN and OUT are as for restore.

${describeFlags(FLAGS)}`;

export async function sweepCommand(args: readonly string[], io: Io, services: Services): Promise<number> {
  const { values, inputs } = parseFlags('sweep', FLAGS, args);
  if (values.help) {
    await writeStdout(io, SWEEP_HELP);
    return 0;
  }
  const { aligned = false, overwrite = false } = values;
  const { engine, maxPixels } = engineFlags(values);
  const share = (value: number) => value >= 0 && value <= 1;
  const fidelity = listFlag(
    'fidelity',
    values.fidelity ?? '0,0.25,0.5,0.75,1',
    'numbers from 0 to 1 as 0,0.5,1',
    share,
  )!;
  // The photos themselves are not shown, so they are not enlarged.
  const options = { ...pipelineOptions(values), fidelity, aligned, maxPixels, upscaling: aligned ? undefined : 1 };
  const { inputs: named, output } = await splitOutput(inputs, values.output);
  const expanded = await expandInputs(named);
  const plan = await planJobs('sweep', expanded, { output });
  await checkFolders(plan, output, io);

  const work = async ({ input, output }: Job, picture: Picture, opened: Engine, say: Talk) => {
    const name = nameOf(input.name);
    const onProgress = ({ done }: { done: number }) => say.progress(name, done);
    const swept = await opened.sweep(picture, { ...options, output: undefined, signal: io.signal, onProgress });
    for (const warning of swept.warnings) say.warn(`${name}: ${warning}`);
    if (swept.faces.length === 0)
      throw new CodeFormerError('INVALID_IMAGE', `${name}: expected a face to show but none was found`);
    const rows = swept.faces.map(({ crop }, i) => [crop, ...swept.images.map(({ faces }) => faces[i]!)]);
    const sheet = contactSheet(rows, ['', ...fidelity.map(String)]);
    await deliver(output, await encodeImage(sheet, { type: typeFor(output) }), overwrite, io);
    if (output !== '-') say.note(`${name} -> ${output} (${counted(rows.length)})`);
  };
  const roles = aligned ? (['restorer'] as const) : (['restorer', 'detector'] as const);
  const { weights, warnings } = await chooseWeights(values, roles, io);
  return runBatch(
    {
      jobs: plan.jobs,
      engine: { ...engine, ...weights },
      open: services.openEngine,
      maxPixels,
      quiet: values.quiet ?? false,
      json: false,
      warnings: [...expanded.warnings, ...warnings],
      check: job => checkFree(job.output, plan.folder, overwrite),
      work,
    },
    io,
  );
}
