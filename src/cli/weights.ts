// `codeformer weights`: looks at files of weights, converts, checks and makes them, and gets the released ones.

import { CodeFormerError } from '../errors.js';
import { CONFIG_PRESETS } from '../models/codeformer/tensors.js';
import { NETWORK_NAMES } from '../models/networks.js';
import { describeFlags, parseFlags } from './flags.js';
import { writeStdout } from './io.js';
import { nearest } from './nearest.js';
import { convert, generate, inspect, verify } from './weights-files.js';
import { type Arguments, WEIGHTS_FLAGS, type WeightsIo } from './weights-flags.js';
import { list, pull } from './weights-releases.js';

interface Command {
  /** What stands after `Usage: codeformer weights`, flags apart, and what the command does. */
  readonly usage: string;
  readonly about: string;
  readonly summary: string;
  /** Those that it takes, where they need it with their own words. */
  readonly flags: Readonly<Partial<Record<keyof typeof WEIGHTS_FLAGS, string | true>>>;
  readonly positional?: string;
  run(args: Arguments, io: WeightsIo): Promise<number>;
}

const CONFIG = `geometry of codeformer: a JSON object, a file of one, or ${Object.keys(CONFIG_PRESETS).join(', ')}`;

const COMMANDS: Readonly<Record<string, Command>> = {
  inspect: {
    usage: 'FILE [--json]',
    summary: 'names, shapes and types of the tensors, metadata, network',
    about: 'Reads safetensors files and PyTorch checkpoints (.pth, both containers) without running anything in them.',
    flags: {
      json: 'one JSON object { file, network, config, metadata, values, bytes, tensors: [{ name, dtype, shape }] }',
    },
    positional: 'FILE',
    run: inspect,
  },
  convert: {
    usage: 'IN -o OUT [--dtype f16|f32] [--config C]',
    summary: 'safetensors from any file of weights',
    about: 'Writes a safetensors file, one tensor at a time. Metadata is kept, and the geometry added as "config".',
    flags: {
      output: true,
      dtype: 'type of all weights, f16 or f32; as stored without it',
      config: `${CONFIG}; needed for own geometries whose file does not say`,
    },
    positional: 'IN',
    run: convert,
  },
  verify: {
    usage: 'FILE',
    summary: 'size and SHA-256 against what is known, tensors against the network',
    about: `Checks size and SHA-256 where the file is a released or embedded one (told by its name or its hash), then names and
shapes of the tensors against the network, and that every value is finite. Exit code 1 where something is wrong.`,
    flags: {},
    positional: 'FILE',
    run: verify,
  },
  generate: {
    usage: 'NETWORK -o OUT [--config C] [--seed N] [--dtype f16|f32]',
    summary: 'deterministic weights that need no download',
    about: `Deterministic weights, for tests and measurements: the network runs as fast as with real ones, pictures come out as noise.
NETWORK is one of ${NETWORK_NAMES.join(', ')}.`,
    flags: { output: true, config: `${CONFIG}; official without it`, seed: true, dtype: 'f32 or f16, default f32' },
    positional: 'NETWORK',
    run: generate,
  },
  list: {
    usage: '[--json] [--weights-dir DIR]',
    summary: 'embedded and released files, what they are, and which of them are here',
    about:
      'Embedded and released files with size, SHA-256, licence and address, and whether they are in DIR (default: the cache).',
    flags: { json: true, 'weights-dir': true },
    run: list,
  },
  pull: {
    usage: 'NAME|all [--from URL|DIR] [--weights-dir DIR] [--quiet]',
    summary: 'gets released files',
    about: `Gets released files by their names (with or without .pth). Size and SHA-256 are checked, a broken download continues
where it stopped. The files are the work of their authors under their licences, which \`list\` names.`,
    flags: { from: true, 'weights-dir': 'folder to put them in (default: the cache)', quiet: true },
    positional: 'NAME',
    run: pull,
  },
};

const NAMES = Object.keys(COMMANDS);

const USAGE = `Usage: codeformer weights <command>

${Object.entries(COMMANDS)
  .map(([name, { positional, summary }]) => `  ${[name, positional].filter(Boolean).join(' ').padEnd(18)}${summary}\n`)
  .join('')}
codeformer weights <command> --help says more.
`;

/**
 * Runs `codeformer weights ...`.
 * @param args the arguments after `weights`
 * @returns the exit code: 0, 1 where `verify` found a fault, 2 where no command is named
 * @throws CodeFormerError for everything else that goes wrong; `INVALID_ARGUMENT` for wrong usage
 */
export async function weightsCommand(args: readonly string[], io: WeightsIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) {
    io.stderr.write(USAGE);
    return 2;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    if (name !== 'help' || rest.length === 0) {
      await writeStdout(io, USAGE);
      return 0;
    }
    return weightsCommand([rest[0]!, '--help'], io);
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    const meant = nearest(name, NAMES);
    const question = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `Expected one of ${NAMES.join(', ')} for the weights command but received ${JSON.stringify(name)}${question}`,
    );
  }
  const own = Object.entries(command.flags).map(([flag, help]) => {
    const shared = WEIGHTS_FLAGS[flag as keyof typeof WEIGHTS_FLAGS];
    return [flag, help === true ? shared : { ...shared, help }] as const;
  });
  const flags = { ...Object.fromEntries(own), help: WEIGHTS_FLAGS.help };
  const { values, inputs } = parseFlags(`weights ${name}`, flags, rest);
  if (values.help) {
    await writeStdout(
      io,
      `Usage: codeformer weights ${name} ${command.usage}\n\n${command.about}\n\n${describeFlags(flags)}`,
    );
    return 0;
  }
  const { positional } = command;
  if (inputs.length !== (positional ? 1 : 0)) {
    const got = inputs.length === 0 ? 'nothing' : JSON.stringify(inputs.join(' '));
    throw new CodeFormerError(
      'INVALID_ARGUMENT',
      `Expected ${positional ?? 'no argument'} for weights ${name} but received ${got}`,
    );
  }
  return command.run({ values, inputs }, io);
}
