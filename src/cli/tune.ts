// `codeformer tune`: finds how the networks run fastest on a GPU, and remembers it.

import { OFFICIAL_CONFIG } from '../models/codeformer/tensors.js';
import { generatedWeights } from '../models/networks.js';
import type { TuneResult } from '../pipeline/restorer-types.js';
import { ROLES } from '../weights/manifest.js';
import { command } from './command.js';
import { chooseWeights, engineFlags, NETWORK_FLAGS } from './engine.js';
import { EXIT_CODES } from './errors.js';
import { COMMON_FLAGS, DEVICE_FLAGS } from './flags.js';
import { talk, writeStdout } from './io.js';

const { weights, quiet } = COMMON_FLAGS;

export const tune = command({
  summary: 'find how the networks run fastest on this GPU, and remember it',
  usage: '[flags]',
  about:
    'Measures the ways in which convolutions of the networks can run, at most twenty shapes, in a minute or less on a GPU. Later starts on a GPU use what was found; for the software adapter nothing is remembered.',
  flags: {
    official: { help: "for a network of the official one's size, on generated weights, and no other" },
    json: { help: 'print all times as one object' },
    ...NETWORK_FLAGS,
    weights,
    ...DEVICE_FLAGS,
    quiet,
  },
  async run({ values }, io, services) {
    const { engine: options } = engineFlags(values);
    const { weights, warnings } = values.official ? OFFICIAL : await chooseWeights(values, ROLES, io);
    const say = talk(io, values.quiet ?? false);
    for (const warning of warnings) say.warn(warning);
    const engine = await services.openEngine({ ...weights, ...options, signal: io.signal });
    try {
      const onProgress = (done: number) => say.progress('measuring', done);
      const result = await engine.tune({ signal: io.signal, onProgress });
      say.clear();
      await writeStdout(io, values.json ? `${JSON.stringify(result, null, 2)}\n` : print(result));
    } finally {
      await engine.destroy();
    }
    return EXIT_CODES.done;
  },
});

/** As `bench --official` measures. */
const OFFICIAL = {
  weights: {
    restorer: generatedWeights('codeformer', OFFICIAL_CONFIG, 7),
    detector: null,
    parser: null,
    upscaler: null,
  },
  warnings: [],
};

function print({ adapter, precision, shapes }: TuneResult): string {
  const head = `${adapter}, ${precision}`;
  if (shapes.length === 0) return `${head}: there is nothing to choose from\n`;
  const ms = (time: number) => `${time.toFixed(3)} ms`;
  const lines = shapes.map(({ shape, choice, times, leftOut }) => {
    const [usual] = Object.keys(times) as [string];
    const before = `${ms(times[usual]!)} by ${usual}`;
    const now = choice === usual ? before : `${ms(times[choice]!)} by ${choice}, before ${before}`;
    return `  ${shape}: ${now}${leftOut.length > 0 ? `; left out: ${leftOut.join(' and ')}` : ''}`;
  });
  return `${head}\n${lines.join('\n')}\n`;
}
