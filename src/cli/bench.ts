// `codeformer bench`: measures kernels, networks and photos on this machine, and compares what was measured.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { compareReports } from '../bench/compare.js';
import { parseReport, printReport, SECTIONS, type Section } from '../bench/report.js';
import { CodeFormerError, invalidArgument } from '../errors.js';
import { readError } from '../node/file-source.js';
import { type Command, command } from './command.js';
import { engineFlags } from './engine.js';
import { EXIT_CODES } from './errors.js';
import { COMMON_FLAGS, DEVICE_FLAGS, numberFlag } from './flags.js';
import { printable, talk, writeStdout } from './io.js';

const whole = (least: number, most: number) => (value: number) =>
  Number.isInteger(value) && value >= least && value <= most;

const measure = command({
  summary: '',
  usage: '[flags]',
  about:
    'Checks the adapter, and measures its start, a photo stage by stage, the networks, every kernel and the memory, with the embedded weights. Exit code 1 where something is computed wrongly. `codeformer bench compare A.json B.json` shows what `--json` printed side by side.',
  flags: {
    only: { value: 'LIST', help: `some of ${SECTIONS.join(', ')}, with commas between (default all)` },
    filter: { value: 'TEXT', help: 'only kernels whose names have TEXT in them' },
    runs: { value: 'N', help: 'runs of which the median is taken, 1 to 100 (default 5)' },
    size: { value: 'N', help: 'side of the photo in pixels, 32 to 4096 (default 1024)' },
    official: { help: "measure a network of the official one's size as well, on generated weights" },
    json: { help: 'print all as one object' },
    ...DEVICE_FLAGS,
    quiet: COMMON_FLAGS.quiet,
  },
  async run({ values }, io) {
    const { engine } = engineFlags(values);
    const runs = numberFlag('runs', values.runs, 'a whole number from 1 to 100', whole(1, 100)) ?? 5;
    const side = numberFlag('size', values.size, 'a whole number from 32 to 4096', whole(32, 4096)) ?? 1024;
    const sections = sectionsOf(values.only);
    const say = talk(io, values.quiet ?? false);
    // Loaded here: nobody else waits for it.
    const [{ runBench }, { createDevice }, { createRestorer }, { NOTES }] = await Promise.all([
      import('../bench/run.js'),
      import('../node/gpu.js'),
      import('../node/restorer.js'),
      import('../node/notes.js'),
    ]);
    const runtime = `Node ${process.version}, ${NOTES.host}, ${process.platform} ${process.arch}, ${availableParallelism()} processors`;
    const report = await runBench(
      { runtime, createDevice, createRestorer },
      {
        ...engine,
        sections,
        filter: values.filter ?? '',
        runs,
        side,
        official: values.official ?? false,
        signal: io.signal,
        onProgress: say.progress,
      },
    );
    say.clear();
    await writeStdout(io, values.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report));
    return EXIT_CODES[report.selfTest.passed ? 'done' : 'failed'];
  },
});

function sectionsOf(list: string | undefined): readonly Section[] {
  if (list === undefined) return SECTIONS;
  return list.split(',').map(name => {
    const section = SECTIONS.find(known => known === name.trim());
    if (!section) throw invalidArgument(`some of ${SECTIONS.join(', ')}`, '--only', list);
    return section;
  });
}

const compare = command({
  summary: '',
  positional: 'A.json B.json...',
  usage: 'A.json B.json',
  about: 'Shows two reports of `codeformer bench --json` side by side, with ratios.',
  flags: {},
  async run({ inputs }, io) {
    const [a, b] = inputs;
    if (a === undefined || b === undefined || inputs.length !== 2)
      throw new CodeFormerError(
        'INVALID_ARGUMENT',
        `Expected two files for bench compare but received ${inputs.length}`,
      );
    const text = compareReports(await readReport(a), await readReport(b));
    // The files may be anyone's.
    await writeStdout(io, text.split('\n').map(printable).join('\n'));
    return EXIT_CODES.done;
  },
});

async function readReport(path: string) {
  const bytes = await readFile(path).catch(error => {
    throw readError(path, error);
  });
  return parseReport(bytes, path);
}

export const bench: Command = {
  summary: 'measure kernels, networks and photos on this machine, or compare what was measured',
  run: (name, args, io, services) =>
    args[0] === 'compare'
      ? compare.run(`${name} compare`, args.slice(1), io, services)
      : measure.run(name, args, io, services),
};
