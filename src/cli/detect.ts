// `codeformer detect`: the faces of photos, in words, as JSON, or drawn.

import { CodeFormerError } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { encodeImage } from '../node/images.js';
import type { PhotoOptions } from '../pipeline/types.js';
import { runBatch } from './batch.js';
import { drawFaces } from './drawing.js';
import type { Services } from './engine.js';
import { chooseWeights, type Engine, engineFlags, NETWORK_FLAGS } from './engine.js';
import { COMMON_FLAGS, describeFlags, type Flags, numberFlag, parseFlags } from './flags.js';
import { expandInputs, nameOf } from './inputs.js';
import { type Io, printable, type Talk, writeJson, writeStdout } from './io.js';
import { checkFolders, checkFree, checkInputs, deliver, type Job, planJobs, typeFor } from './outputs.js';
import { counted, PIPELINE_FLAGS, scalesFlag } from './restore.js';

const { weights: _, ...DEVICE_FLAGS } = COMMON_FLAGS;

const FLAGS = {
  json: { help: 'print one object per picture' },
  draw: {
    value: 'OUT',
    short: 'o',
    aliases: ['output', 'output-path'],
    help: 'write the picture with boxes and landmarks: a file, a folder ending with /, or -',
  },
  overwrite: { help: 'replace files that exist' },
  'min-face-size': PIPELINE_FLAGS['min-face-size'],
  'detection-scales': PIPELINE_FLAGS['detection-scales'],
  compat: PIPELINE_FLAGS.compat,
  detector: NETWORK_FLAGS.detector,
  'weights-dir': NETWORK_FLAGS['weights-dir'],
  ...DEVICE_FLAGS,
} as const satisfies Flags;

export const DETECT_HELP = `Usage: codeformer detect IN... [flags]

Prints the faces of photos, the most certain first. IN is a picture, a folder, a pattern as 'photos/*.jpg', or - for stdin.

${describeFlags(FLAGS)}
With --json, on a line for each picture: { file, width, height, faces: [{ id, box, score, landmarks }] }, in pixels; where one fails,
{ file, error: { code, message } }.
`;

export async function detectCommand(args: readonly string[], io: Io, services: Services): Promise<number> {
  const { values, inputs } = parseFlags('detect', FLAGS, args);
  if (values.help) {
    await writeStdout(io, DETECT_HELP);
    return 0;
  }
  const { engine, maxPixels } = engineFlags(values);
  const atLeast0 = (value: number) => value >= 0 && Number.isFinite(value);
  const options: PhotoOptions = {
    compat: values.compat,
    minFaceSize: numberFlag('min-face-size', values['min-face-size'], 'a number of at least 0', atLeast0),
    detectionScales: scalesFlag(values['detection-scales']),
    maxPixels,
  };
  const { draw, overwrite = false, json = false } = values;
  const expanded = await expandInputs(inputs);
  // Without drawings there are no outputs, which could be in the place of a picture.
  const plan = draw === undefined ? null : await planJobs('detect', expanded, { output: draw, flag: '--draw' });
  if (plan) await checkFolders(plan, draw, io);
  else checkInputs('detect', expanded);
  if (json && plan?.jobs.some(job => job.output === '-'))
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      'Expected a file or folder as --draw beside --json, which takes stdout',
    );
  const check = plan && ((job: Job) => checkFree(job.output, plan.folder, overwrite));
  const work = async ({ input, output }: Job, picture: Picture, opened: Engine, say: Talk) => {
    const name = nameOf(input.name);
    const onProgress = ({ done }: { done: number }) => say.progress(name, done);
    const faces = await opened.detect(picture, { ...options, signal: io.signal, onProgress });
    say.progress('', 1);
    const { width, height } = picture;
    if (plan) {
      const drawing = await encodeImage(drawFaces(picture, faces), { type: typeFor(output) });
      await deliver(output, drawing, overwrite, io);
    }
    if (json) await writeJson(io, { file: input.name, width, height, faces });
    else if (draw !== '-') {
      const lines = faces.map(({ id, box, score }) => {
        const [left, top, right, bottom] = box.map(Math.round);
        return `  ${id}  ${left},${top} to ${right},${bottom}  score ${score.toFixed(3)}\n`;
      });
      await writeStdout(io, `${printable(name)}: ${counted(faces.length)}\n${lines.join('')}`);
    }
  };
  const { weights, warnings } = await chooseWeights(values, ['detector'], io);
  return runBatch(
    {
      jobs: plan?.jobs ?? expanded.files.map(input => ({ input, output: '-', name: '' })),
      engine: { ...engine, ...weights },
      open: services.openEngine,
      maxPixels,
      quiet: values.quiet ?? false,
      json,
      warnings: [...expanded.warnings, ...warnings],
      ...(check && { check }),
      work,
    },
    io,
  );
}
