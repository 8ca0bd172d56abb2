// `codeformer detect`: the faces of photos, in words, as JSON, or drawn.

import { CodeFormerError } from '../errors.js';
import type { Picture } from '../image/picture.js';
import { encodeImage } from '../node/images.js';
import type { PhotoOptions } from '../pipeline/types.js';
import { type About, runBatch } from './batch.js';
import { command } from './command.js';
import { drawFaces } from './drawing.js';
import { type Engine, engineFlags, NETWORK_FLAGS } from './engine.js';
import { COMMON_FLAGS, numberFlag } from './flags.js';
import { expandInputs } from './inputs.js';
import { printable, writeJson, writeStdout } from './io.js';
import { checkFolders, checkFree, checkInputs, deliver, type Job, planJobs, typeFor } from './outputs.js';
import { counted, PIPELINE_FLAGS, scalesFlag } from './restore.js';

const { weights: _, ...DEVICE_FLAGS } = COMMON_FLAGS;

export const detect = command({
  summary: 'find the faces of photos',
  positional: 'IN...',
  usage: 'IN... [flags]',
  about:
    "Prints the faces of photos, the most certain first. IN is a picture, a folder, a pattern as 'photos/*.jpg', or - for stdin.",
  notes: `With --json, on a line for each picture: { file, width, height, faces: [{ id, box, score, landmarks }] }, in pixels; where one fails,
{ file, error: { code, message } }.
`,
  flags: {
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
  },
  async run({ values, inputs }, io, services) {
    const device = engineFlags(values);
    const atLeast0 = (value: number) => value >= 0 && Number.isFinite(value);
    const options: PhotoOptions = {
      compat: values.compat,
      minFaceSize: numberFlag('min-face-size', values['min-face-size'], 'a number of at least 0', atLeast0),
      detectionScales: scalesFlag(values['detection-scales']),
      maxPixels: device.maxPixels,
    };
    const { draw, overwrite = false, json = false } = values;
    const expanded = await expandInputs(inputs);
    // Without drawings there are no outputs, which could be in the place of a picture.
    const plan = draw === undefined ? null : await planJobs('detect', expanded, { output: draw, flag: '--draw' });
    if (plan) await checkFolders(plan, draw, io);
    else checkInputs('detect', expanded);
    if (json && plan?.jobs.some(job => job.output === '-'))
      throw new CodeFormerError('INVALID_ARGUMENT', 'Expected a file or folder for --draw, as --json writes to stdout');
    const check = plan ? (job: Job) => checkFree(job.output, plan.folder, overwrite) : undefined;
    const work = async ({ input, output }: Job, picture: Picture, engine: Engine, { name, say, run }: About) => {
      const faces = await engine.detect(picture, { ...options, ...run });
      say.clear();
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
    const jobs = plan?.jobs ?? expanded.files.map(input => ({ input, output: '-', name: '' }));
    const { warnings } = expanded;
    return runBatch({ jobs, values, device, roles: ['detector'], warnings, check, work }, io, services);
  },
});
